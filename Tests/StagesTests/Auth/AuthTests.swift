import Crypto
import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct AuthTests {
    private static let secret = "abcdefghijklmnopqrstuvwxyz0123456789_-"

    private static func key(_ id: String = "aabbccdd0011", revoked: Bool = false, admin: Bool = false) -> StoredKey {
        StoredKey(
            id: id, user: "ada", isAdministrator: admin, secretHash: Array(SHA256.hash(data: Array(secret.utf8))),
            createdAt: Timestamp(milliseconds: 0), revokedAt: revoked ? Timestamp(milliseconds: 1) : nil)
    }

    private static func harness(_ store: InMemoryKeyStore, time: ManualTime = ManualTime()) -> StageHarness {
        StageHarness(KeyAuth(keys: KeyCache(store: store, time: time)))
    }

    private static func send(_ harness: StageHarness, _ credential: String?) async
        -> StageHarness.Outcome<InboundMessage>
    {
        await harness.send(Sample.chat(), context: Sample.context(credential: credential.map { Credential($0) }))
    }

    @Test func aGoodKeySaysWhoIsThere() async {
        let harness = Self.harness(InMemoryKeyStore([Self.key(admin: true)]))
        let outcome = await Self.send(harness, "sluice_aabbccdd0011_\(Self.secret)")
        #expect(outcome.context?.principal == Principal(user: "ada", isAdministrator: true))
    }

    @Test(arguments: [
        nil, "", "sluice", "sluice__", "sluice_aabbccdd0011_", "sluice_aabbccdd0011_wrongwrongwrongwrongwrong",
        "sluice_ffffffffffff_\(secret)", "other_aabbccdd0011_\(secret)", "aabbccdd0011_\(secret)",
        String(repeating: "x", count: 5000),
    ])
    func everythingElseIsTurnedAwayWithTheSameWords(credential: String?) async {
        let harness = Self.harness(InMemoryKeyStore([Self.key()]))
        let rejection = await Self.send(harness, credential).rejection
        #expect(rejection?.code == "unauthorized")
        #expect(rejection?.message.contains("sluice key create") == true)
        #expect(rejection == (await Self.send(harness, nil).rejection))
    }

    @Test func aRevokedKeyStopsWorkingWithinSeconds() async {
        let time = ManualTime()
        let store = InMemoryKeyStore([Self.key()])
        let harness = Self.harness(store, time: time)
        let text = "sluice_aabbccdd0011_\(Self.secret)"
        #expect(await Self.send(harness, text).message != nil)
        store.set(Self.key(revoked: true))
        #expect(await Self.send(harness, text).message != nil)
        #expect(store.lookups == 1)
        time.advance(by: KeyCache.lifetime)
        #expect(await Self.send(harness, text).rejection?.code == "unauthorized")
    }

    @Test func withoutKeysEverybodyIsNobody() async {
        let outcome = await StageHarness(AnonymousAuth()).send(Sample.chat())
        #expect(outcome.context?.principal == .anonymous)
    }

    @Test(arguments: [(false, false, 0), (true, false, 1), (true, true, 0)])
    func anonymousBeyondLoopbackMustBeMeant(isPublic: Bool, isAllowed: Bool, problems: Int) {
        var options = AuthOptions()
        options.allowAnonymous = isAllowed
        let environment = StageEnvironment(listensBeyondLoopback: isPublic)
        #expect(AuthPlugin.validate(options, in: environment).count == problems)
        options.mode = .apiKeys
        #expect(AuthPlugin.validate(options, in: environment).isEmpty)
    }

    @Test func comparesTheWholeHash() {
        #expect(KeyCache.areEqual([1, 2, 3], [1, 2, 3]))
        #expect(!KeyCache.areEqual([1, 2, 3], [1, 2, 4]))
        #expect(!KeyCache.areEqual([1, 2, 3], [1, 2]))
    }

    @Test func keepsThePromises() async {
        #expect(await MiddlewareCompatibility.violations(of: AnonymousAuth()) == [])
        let harness = Self.harness(InMemoryKeyStore([Self.key()]))
        let context = Sample.context(credential: Credential("sluice_aabbccdd0011_\(Self.secret)"))
        #expect(await MiddlewareCompatibility.violations(of: harness.middleware, context: context) == [])
    }
}
