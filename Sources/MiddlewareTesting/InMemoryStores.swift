public import MiddlewareKit
import Synchronization

/// Keeps messages in memory, and can be told to fail.
public final class InMemoryMessageStore: MessageStore {
    private struct State {
        var records: [MessageRecord] = []
        var rows: [OutboxRow] = []
        var unanswered: [String] = []
        var failure: StorageFailure?
    }

    private let state = Mutex(State())

    public init() {}

    /// What was stored, in order.
    public var records: [MessageRecord] { state.withLock { $0.records } }
    /// The rows that were stored with the records, in order.
    public var rows: [OutboxRow] { state.withLock { $0.rows } }

    /// The runs that were noted as unanswered, in order.
    public var unanswered: [String] { state.withLock { $0.unanswered } }

    /// What every call throws from now on; nil: calls work again.
    public func fail(with failure: StorageFailure?) { state.withLock { $0.failure = failure } }

    public func markUnanswered(gateway: String, sessionKey: String, runID: String) async throws {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.unanswered.append(runID)
        }
    }

    public func store(_ record: MessageRecord, rows: [OutboxRow]) async throws -> Int64 {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            if let index = state.records.firstIndex(where: { $0.isSameMessage(as: record) }) { return Int64(index + 1) }
            state.records.append(record)
            state.rows += rows
            return Int64(state.records.count)
        }
    }
}

extension MessageRecord {
    fileprivate func isSameMessage(as other: MessageRecord) -> Bool {
        gateway == other.gateway && sessionKey == other.sessionKey && runID == other.runID && role == other.role
    }
}

/// Keeps access keys in memory, counts how often it was asked, and can be told to fail.
public final class InMemoryKeyStore: KeyStore {
    private struct State {
        var keys: [String: StoredKey] = [:]
        var lookups = 0
        var failure: StorageFailure?
    }

    private let state = Mutex(State())

    public init(_ keys: [StoredKey] = []) {
        for key in keys { set(key) }
    }

    /// How often `key(id:)` was called.
    public var lookups: Int { state.withLock { $0.lookups } }

    /// Adds a key, or puts it in the place of the one with its id.
    public func set(_ key: StoredKey) { state.withLock { $0.keys[key.id] = key } }

    /// What every call throws from now on; nil: calls work again.
    public func fail(with failure: StorageFailure?) { state.withLock { $0.failure = failure } }

    public func key(id: String) async throws -> StoredKey? {
        try state.withLock { state in
            state.lookups += 1
            if let failure = state.failure { throw failure }
            return state.keys[id]
        }
    }
}

/// Keeps the numbers of stages in memory. They expire by the clock that it was given; it can be told to fail.
public final class InMemoryStateStore: StageStateStore {
    private struct State {
        var numbers: [StageCounter: (value: Int64, expires: Timestamp)] = [:]
        var failure: StorageFailure?
    }

    private let time: any TimeSource
    private let state = Mutex(State())

    public init(time: any TimeSource = ManualTime()) { self.time = time }

    /// What every call throws from now on; nil: calls work again.
    public func fail(with failure: StorageFailure?) { state.withLock { $0.failure = failure } }

    public func add(_ amount: Int64, to counter: StageCounter, expires: Timestamp) async throws -> Int64 {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            let old = state.numbers[counter].flatMap { $0.expires > time.now ? $0.value : nil } ?? 0
            state.numbers[counter] = (old + amount, expires)
            return old + amount
        }
    }

    public func value(of counter: StageCounter) async throws -> Int64 {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            return state.numbers[counter].flatMap { $0.expires > time.now ? $0.value : nil } ?? 0
        }
    }
}
