import Crypto
import MiddlewareKit
import Synchronization

/// Looks keys up in the store and remembers them for a few seconds, so that not every message asks the database, and a
/// revoked key still stops working soon.
final class KeyCache: Sendable {
    /// How long an answer of the store counts.
    static let lifetime = Duration.seconds(5)
    /// Key ids that are remembered; above it all are forgotten.
    static let capacity = 10_000

    private struct Entry {
        let key: StoredKey?
        let since: Duration
    }

    private let store: any KeyStore
    private let time: any TimeSource
    private let entries = Mutex<[String: Entry]>([:])

    init(store: any KeyStore, time: any TimeSource) {
        self.store = store
        self.time = time
    }

    /// Whose key this is; nil when it is none, is wrong, or was revoked.
    func principal(for credential: Credential) async throws -> Principal? {
        guard let (id, secret) = Self.parts(of: credential.secret) else { return nil }
        let key = try await key(id: id)
        let hash = SHA256.hash(data: Array(secret.utf8))
        // Unknown ids take the same work as known ones.
        let isRight = Self.areEqual(Array(hash), key?.secretHash ?? [UInt8](repeating: 0, count: 32))
        guard let key, isRight, key.revokedAt == nil else { return nil }
        return Principal(user: key.user, isAdministrator: key.isAdministrator)
    }

    private func key(id: String) async throws -> StoredKey? {
        let now = time.uptime
        if let entry = entries.withLock({ $0[id] }), now - entry.since < Self.lifetime { return entry.key }
        let key = try await store.key(id: id)
        entries.withLock { entries in
            if entries.count >= Self.capacity { entries = [:] }
            entries[id] = Entry(key: key, since: now)
        }
        return key
    }

    /// The public and the secret half of `sluice_<id>_<secret>`.
    static func parts(of text: String) -> (id: String, secret: String)? {
        let parts = text.split(separator: "_", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "sluice", (8...32).contains(parts[1].count),
            (20...128).contains(parts[2].count)
        else { return nil }
        return (String(parts[1]), String(parts[2]))
    }

    /// Takes the same time wherever the first difference is.
    static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
