import Crypto
import MiddlewareKit
import Synchronization

/// Looks keys up in the store and remembers the answers for a few seconds, so that not every message asks the database, and
/// a revoked key still stops working soon.
///
/// Bounded: when ``capacity`` ids are remembered and one more comes, all are forgotten; they would be within ``lifetime``
/// anyway. Ids without a key are remembered apart, so that guessing ids does not drive out the keys of users.
final class KeyCache: Sendable {
    /// What a credential is worth.
    enum Verdict: Sendable, Hashable {
        case good(Principal)
        /// The cause is for the log: it never holds any of the credential.
        case bad(cause: String)
    }

    /// How long an answer of the store counts, from the moment when it was asked for.
    static let lifetime = Duration.seconds(5)
    static let capacity = 10_000

    private struct Entry {
        let key: StoredKey?
        let askedAt: Duration
    }

    private struct Answers {
        var known: [String: Entry] = [:]
        var unknown: [String: Entry] = [:]
    }

    private let store: any KeyStore
    private let time: any TimeSource
    private let answers = Mutex(Answers())

    init(store: any KeyStore, time: any TimeSource) {
        self.store = store
        self.time = time
    }

    /// - Throws: What the store throws.
    func judge(_ credential: Credential) async throws -> Verdict {
        guard let (id, secret) = Self.parts(of: credential.secret) else { return .bad(cause: "it has no key's form") }
        let key = try await key(id: id)
        // An unknown id takes the same work as a known one. `==` of digests takes the same time for all bytes.
        let isRight = SHA256.hash(data: Array(secret.utf8)) == key?.secretHash ?? Self.noHash
        guard let key else { return .bad(cause: "there is no key with this id") }
        guard isRight else { return .bad(cause: "the secret of key \(key.id) is wrong") }
        guard key.revokedAt == nil else { return .bad(cause: "key \(key.id) of \(key.user) is revoked") }
        return .good(Principal(user: key.user, isAdministrator: key.isAdministrator))
    }

    /// How many ids are remembered.
    var count: Int { answers.withLock { $0.known.count + $0.unknown.count } }

    private func key(id: String) async throws -> StoredKey? {
        let now = time.uptime
        let entry = answers.withLock { $0.known[id] ?? $0.unknown[id] }
        if let entry, now - entry.askedAt < Self.lifetime { return entry.key }
        let key = try await store.key(id: id)
        answers.withLock { answers in
            answers.known[id] = nil
            answers.unknown[id] = nil
            let entry = Entry(key: key, askedAt: now)
            if key == nil {
                Self.remember(entry, id, in: &answers.unknown)
            } else {
                Self.remember(entry, id, in: &answers.known)
            }
        }
        return key
    }

    private static func remember(_ entry: Entry, _ id: String, in entries: inout [String: Entry]) {
        if entries.count >= capacity { entries.removeAll(keepingCapacity: true) }
        entries[id] = entry
    }

    /// The public and the secret half of `sluice_<id>_<secret>`.
    static func parts(of text: String) -> (id: String, secret: String)? {
        guard text.utf8.count <= 200, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        let parts = text.split(separator: "_", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "sluice", (8...32).contains(parts[1].count),
            (20...128).contains(parts[2].count)
        else { return nil }
        return (String(parts[1]), String(parts[2]))
    }

    /// What the hash of a secret is compared with when there is no key.
    private static let noHash = [UInt8](repeating: 0, count: SHA256.byteCount)
}
