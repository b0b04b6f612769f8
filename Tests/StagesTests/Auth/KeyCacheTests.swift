import Crypto
import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct KeyCacheTests {
    private let time = ManualTime()
    private let store = InMemoryKeyStore([.sample()])

    private func judge(_ text: String, _ cache: KeyCache) async throws -> KeyCache.Verdict {
        try await cache.judge(Credential(text))
    }

    @Test func aGoodKeyIsItsUser() async throws {
        let cache = KeyCache(store: store, time: time)
        #expect(try await judge(.sampleKey, cache) == .good(Principal(user: "ada")))
        store.set(.sample(id: "adminadmin", isAdministrator: true))
        let admin = try await judge("sluice_adminadmin_\(String.sampleSecret)", cache)
        #expect(admin == .good(Principal(user: "ada", isAdministrator: true)))
    }

    @Test(arguments: [
        ("sluice_aabbccdd0011_wrongwrongwrongwrongwrong", "the secret of key aabbccdd0011 is wrong"),
        ("sluice_ffffffffffff_\(String.sampleSecret)", "there is no key with this id"),
        ("sluice_revokedkey_\(String.sampleSecret)", "key revokedkey of ada is revoked"),
        ("sluice_revokedkey_wrongwrongwrongwrongwrong", "the secret of key revokedkey is wrong"),
        ("nonsense", "it has no key's form"),
    ])
    func theCauseIsForTheLog(text: String, cause: String) async throws {
        store.set(.sample(id: "revokedkey", isRevoked: true))
        #expect(try await judge(text, KeyCache(store: store, time: time)) == .bad(cause: cause))
    }

    @Test func aHashOfAnotherLengthIsWrong() async throws {
        let short = StoredKey(
            id: "aabbccdd0011", user: "ada", isAdministrator: false, secretHash: [], createdAt: time.now, revokedAt: nil
        )
        let verdict = try await judge(.sampleKey, KeyCache(store: InMemoryKeyStore([short]), time: time))
        #expect(verdict == .bad(cause: "the secret of key aabbccdd0011 is wrong"))
    }

    @Test(arguments: [
        "", "sluice", "sluice_", "sluice__", "sluice_aabbccdd0011_", "sluice_short_\(String.sampleSecret)",
        "sluice_aabbccdd0011_tooShort", "other_aabbccdd0011_\(String.sampleSecret)",
        "aabbccdd0011_\(String.sampleSecret)", " \(String.sampleKey)", "Sluice_aabbccdd0011_\(String.sampleSecret)",
        "sluice_aabbccdd0011_" + String(repeating: "x", count: 129), "sluice_äabbccdd0011_\(String.sampleSecret)",
        "sluice_" + String(repeating: "a", count: 33) + "_\(String.sampleSecret)",
        String(repeating: "x", count: 100_000),
    ])
    func whatHasNoKeysFormIsNotLookedUp(text: String) async throws {
        let cache = KeyCache(store: store, time: time)
        #expect(try await judge(text, cache) == .bad(cause: "it has no key's form"))
        #expect(store.lookups == 0)
    }

    @Test func theSecretMayHoldUnderscores() {
        let parts = KeyCache.parts(of: "sluice_aabbccdd0011_aaaaaaaaaa_bbbbbbbbbb_")
        #expect(parts?.id == "aabbccdd0011")
        #expect(parts?.secret == "aaaaaaaaaa_bbbbbbbbbb_")
    }

    @Test func answersAreRememberedForFiveSeconds() async throws {
        let cache = KeyCache(store: store, time: time)
        _ = try await judge(.sampleKey, cache)
        time.advance(by: .milliseconds(4999))
        store.set(.sample(isRevoked: true))
        #expect(try await judge(.sampleKey, cache) == .good(Principal(user: "ada")))
        #expect(store.lookups == 1)
        time.advance(by: .milliseconds(1))
        #expect(try await judge(.sampleKey, cache) == .bad(cause: "key aabbccdd0011 of ada is revoked"))
    }

    @Test func aKeyThatIsMadeLaterWorksSoon() async throws {
        let empty = InMemoryKeyStore()
        let cache = KeyCache(store: empty, time: time)
        for _ in 0..<3 { _ = try await judge(.sampleKey, cache) }
        #expect(empty.lookups == 1)
        empty.set(.sample())
        time.advance(by: KeyCache.lifetime)
        #expect(try await judge(.sampleKey, cache) == .good(Principal(user: "ada")))
        // It is not remembered as unknown any more.
        #expect(cache.count == 1)
    }

    @Test func memoryIsBoundedAndGuessesDoNotDriveOutKeys() async throws {
        let cache = KeyCache(store: store, time: time)
        _ = try await judge(.sampleKey, cache)
        for number in 0..<25_000 { _ = try await judge("sluice_guess\(10_000 + number)_\(String.sampleSecret)", cache) }
        #expect(cache.count <= KeyCache.capacity + 1)
        let lookups = store.lookups
        #expect(try await judge(.sampleKey, cache) == .good(Principal(user: "ada")))
        #expect(store.lookups == lookups)
    }

    @Test func aFailureOfTheStoreIsNotRemembered() async throws {
        let cache = KeyCache(store: store, time: time)
        store.fail(with: StorageFailure(reason: .locked, description: "the database is locked"))
        await #expect(throws: StorageFailure.self) { try await judge(.sampleKey, cache) }
        store.fail(with: nil)
        #expect(try await judge(.sampleKey, cache) == .good(Principal(user: "ada")))
    }
}

extension String {
    static let sampleSecret = "abcdefghijklmnopqrstuvwxyz0123456789_-"
    static let sampleKey = "sluice_aabbccdd0011_\(sampleSecret)"
}

extension StoredKey {
    /// A key of ada with the secret `sampleSecret`.
    static func sample(id: String = "aabbccdd0011", isAdministrator: Bool = false, isRevoked: Bool = false) -> StoredKey
    {
        StoredKey(
            id: id, user: "ada", isAdministrator: isAdministrator,
            secretHash: Array(SHA256.hash(data: Array(String.sampleSecret.utf8))),
            createdAt: Timestamp(milliseconds: 0), revokedAt: isRevoked ? Timestamp(milliseconds: 1) : nil)
    }
}
