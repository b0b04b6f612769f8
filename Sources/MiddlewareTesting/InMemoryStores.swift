public import MiddlewareKit
import Synchronization

/// Keeps messages in memory, and can be told to fail.
public final class InMemoryMessageStore: MessageStore {
    private struct State {
        var records: [MessageRecord] = []
        var rows: [OutboxRow] = []
        var failure: StorageFailure?
    }

    private let state = Mutex(State())

    public init() {}

    public var records: [MessageRecord] { state.withLock { $0.records } }
    public var rows: [OutboxRow] { state.withLock { $0.rows } }

    /// What every call throws from now on; nil: calls work again.
    public func fail(with failure: StorageFailure?) { state.withLock { $0.failure = failure } }

    public func store(_ record: MessageRecord, rows: [OutboxRow]) async throws -> Int64 {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.records.append(record)
            state.rows += rows
            return Int64(state.records.count)
        }
    }
}

/// Keeps access keys in memory, and counts how often it was asked.
public final class InMemoryKeyStore: KeyStore {
    private let state = Mutex((keys: [String: StoredKey](), lookups: 0))

    public init(_ keys: [StoredKey] = []) {
        for key in keys { set(key) }
    }

    public var lookups: Int { state.withLock { $0.lookups } }

    public func set(_ key: StoredKey) { state.withLock { $0.keys[key.id] = key } }

    public func key(id: String) async throws -> StoredKey? {
        state.withLock { state in
            state.lookups += 1
            return state.keys[id]
        }
    }
}
