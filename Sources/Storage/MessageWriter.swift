import CoreMetrics
import GRDB
import JSON
package import MiddlewareKit
import Synchronization
import Telemetry

/// How a user's message that was stored already came again.
package struct MessageRepeat: Sendable, Equatable {
    /// If not, the stored words stay.
    package let hasSameWords: Bool
    /// When it came first.
    package let storedAt: Timestamp
}

/// Stores messages in group commits: what arrives while a transaction is being written goes into it, and what arrives while it is
/// being committed goes into the next one together.
final class MessageWriter: Sendable {
    /// Messages that may wait for their transaction; above it, `store` fails at once.
    static let maxWaiting = 4096
    /// Messages in one transaction.
    private static let maxBatch = 512
    /// Session ids that are remembered.
    private static let maxRemembered = 10_000
    /// Repeated messages of which nobody has asked yet.
    private static let maxRepeats = 1_000

    private struct Waiting: Sendable {
        /// Nil: the rows alone.
        let record: MessageRecord?
        let rows: [OutboxRow]
        let now: Int64
        let asker: Asker
    }

    /// Who wants to know how it ended.
    private enum Asker: Sendable {
        case caller(CheckedContinuation<Int64, any Error>)
        /// Did not wait, and is told of failures only.
        case passerby(onFailure: @Sendable (StorageFailure) -> Void)

        func tell(_ result: Result<Int64, any Error>) {
            switch self {
            case .caller(let continuation): continuation.resume(with: result)
            case .passerby(let onFailure):
                if case .failure(let error) = result { onFailure(StorageFailure(explaining: error)) }
            }
        }
    }

    private struct State {
        var waiting: [Waiting] = []
        var isWriting = false
        var sessionIDs: [SessionName: Int64] = [:]
        /// Users' messages that came again.
        var repeats: [RepeatedMessage: MessageRepeat] = [:]
        var commits = 0
        /// Pages go by the time at which messages came: a clock that is set back does not change their order.
        var lastTime: Int64 = 0
        var lastFailure: (failure: StorageFailure, at: Int64)?
    }

    private struct SessionName: Hashable {
        let gateway: String
        let key: String
    }

    private struct RepeatedMessage: Hashable {
        let session: SessionName
        let runID: String
    }

    private let pool: DatabasePool
    private let pages: PageCache
    private let outboxChanges: ChangeSignal
    private let state = Mutex(State())
    private let writeTime = Timer(.storageWrite)
    private let batchSize = Recorder(.storageBatch)
    private let failures = Counter(.storageFailures)

    init(pool: DatabasePool, pages: PageCache, outboxChanges: ChangeSignal) {
        self.pool = pool
        self.pages = pages
        self.outboxChanges = outboxChanges
    }

    /// How many transactions were committed.
    var commits: Int { state.withLock { $0.commits } }
    /// How many messages wait for their transaction.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Why and when the newest batch could not be written; nil when it could.
    var lastFailure: (failure: StorageFailure, at: Int64)? { state.withLock { $0.lastFailure } }

    func forgetFailure() { state.withLock { $0.lastFailure = nil } }

    /// - Returns: The id of the message; 0 for rows alone.
    func store(_ record: MessageRecord?, rows: [OutboxRow], now: Timestamp) async throws -> Int64 {
        try await withCheckedThrowingContinuation { continuation in
            enqueue(record, rows, now: now, .caller(continuation))
        }
    }

    /// Rows alone, behind everything that waits and before everything that comes later. Returns at once.
    func enqueue(_ rows: [OutboxRow], now: Timestamp, onFailure: @escaping @Sendable (StorageFailure) -> Void) {
        enqueue(nil, rows, now: now, .passerby(onFailure: onFailure))
    }

    private func enqueue(_ record: MessageRecord?, _ rows: [OutboxRow], now: Timestamp, _ asker: Asker) {
        let (isRefused, mustStart) = state.withLock { state in
            guard state.waiting.count < Self.maxWaiting else { return (true, false) }
            state.lastTime = max(state.lastTime, now.milliseconds)
            state.waiting.append(Waiting(record: record, rows: rows, now: state.lastTime, asker: asker))
            defer { state.isWriting = true }
            return (false, !state.isWriting)
        }
        if isRefused {
            asker.tell(
                .failure(
                    StorageFailure(reason: .other, description: "too many messages are waiting for the database")))
        } else if mustStart {
            pool.asyncWriteWithoutTransaction { self.drain($0) }
        }
    }

    /// Whether a user's message came again since this was last asked, and with which words.
    func takeRepeat(of runID: String, gateway: String, sessionKey: String) -> MessageRepeat? {
        let name = RepeatedMessage(session: SessionName(gateway: gateway, key: sessionKey), runID: runID)
        return state.withLock { $0.repeats.removeValue(forKey: name) }
    }

    private func note(_ repetition: MessageRepeat, of record: MessageRecord) {
        let name = RepeatedMessage(
            session: SessionName(gateway: record.gateway, key: record.sessionKey), runID: record.runID)
        state.withLock { state in
            if state.repeats.count >= Self.maxRepeats { state.repeats = [:] }
            state.repeats[name] = repetition
        }
    }

    /// Forgets the ids of deleted sessions.
    func forgetSessions() { state.withLock { $0.sessionIDs = [:] } }

    /// Writes one batch, on the writer's queue. What still waits gets a turn of its own behind other writers, so that
    /// a flood of messages does not keep a session from being made or a key from being revoked.
    private func drain(_ db: GRDB.Database) {
        var batch = takeBatch(atMost: Self.maxBatch)
        let start = ContinuousClock.now
        do {
            let results = try write(&batch, db)
            writeTime.record(start.duration(to: .now))
            batchSize.record(batch.count)
            state.withLock { state in
                state.commits += 1
                state.lastFailure = nil
            }
            pages.forget()
            for (waiting, result) in zip(batch, results) { waiting.asker.tell(result) }
            if batch.contains(where: { !$0.rows.isEmpty }) { outboxChanges.fire() }
        } catch {
            failures.increment()
            // Rolled back: sessions that were made in the transaction are gone.
            forgetSessions()
            let failure = StorageFailure(explaining: error)
            state.withLock { $0.lastFailure = (failure, batch.last?.now ?? 0) }
            for waiting in batch { waiting.asker.tell(.failure(failure)) }
        }
        let isDone = state.withLock { state in
            state.isWriting = !state.waiting.isEmpty
            return !state.isWriting
        }
        if !isDone { pool.asyncWriteWithoutTransaction { self.drain($0) } }
    }

    private func takeBatch(atMost count: Int) -> [Waiting] {
        state.withLock { state in
            let batch = Array(state.waiting.prefix(count))
            state.waiting.removeFirst(batch.count)
            return batch
        }
    }

    /// One transaction. A record that breaks a rule of the schema fails alone; any other error fails all.
    ///
    /// Such records are rare and savepoints cost time, so the batch is tried without them first.
    ///
    /// - Parameter batch: Grows by what arrives meanwhile.
    private func write(_ batch: inout [Waiting], _ db: GRDB.Database) throws -> [Result<Int64, any Error>] {
        do {
            var results: [Result<Int64, any Error>] = []
            try db.inTransaction(.immediate) {
                while results.count < batch.count {
                    for waiting in batch[results.count...] { results.append(.success(try insert(waiting, db))) }
                    batch += takeBatch(atMost: Self.maxBatch - batch.count)
                }
                return .commit
            }
            return results
        } catch let error where StorageFailure.concernsOneRecord(error) {
            // Also heals a remembered id of a session that another process deleted.
            forgetSessions()
            return try writeOneByOne(batch, db)
        }
    }

    /// The same with a savepoint for each record.
    private func writeOneByOne(_ batch: [Waiting], _ db: GRDB.Database) throws -> [Result<Int64, any Error>] {
        var results: [Result<Int64, any Error>] = []
        try db.inTransaction(.immediate) {
            for waiting in batch {
                do {
                    results.append(.success(try insertAlone(waiting, db)))
                } catch let error where StorageFailure.concernsOneRecord(error) {
                    forgetSessions()
                    results.append(.failure(StorageFailure(explaining: error)))
                }
            }
            return .commit
        }
        return results
    }

    /// All of a record or nothing of it, whatever becomes of the others.
    private func insertAlone(_ waiting: Waiting, _ db: GRDB.Database) throws -> Int64 {
        var id: Int64 = 0
        try db.inSavepoint {
            id = try insert(waiting, db)
            return .commit
        }
        return id
    }

    /// Stores a message that was said elsewhere at the time that it carries, in a transaction of the caller's.
    func importOne(_ record: MessageRecord, _ db: GRDB.Database) throws {
        _ = try insert(record, rows: [], now: record.timestamp.milliseconds, db)
    }

    private func insert(_ waiting: Waiting, _ db: GRDB.Database) throws -> Int64 {
        guard let record = waiting.record else {
            try insert(waiting.rows, of: nil, db, at: waiting.now)
            return 0
        }
        return try insert(record, rows: waiting.rows, now: waiting.now, db)
    }

    private func insert(_ record: MessageRecord, rows: [OutboxRow], now: Int64, _ db: GRDB.Database) throws -> Int64 {
        let (session, isNew) = try session(of: record, db, at: now)
        let values: [(any DatabaseValueConvertible)?] = [
            session, record.role.rawValue, record.contentJSON, record.state.rawValue, record.runID, record.error,
            record.usage?.json.encoded(), record.agent, record.timestamp.milliseconds, now, record.route?.gateway,
            record.route?.agent, record.errorKind,
        ]
        try db.cachedStatement(
            sql: """
                INSERT INTO messages
                (session_id, role, content, state, run_id, error, usage, agent_id, timestamp, created_at, route_gateway,
                 route_agent, error_kind)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """
        ).execute(arguments: StatementArguments(values))
        guard db.changesCount == 1 else { return try merge(record, rows, session, db, at: now) }
        let id = db.lastInsertedRowID
        try insert(rows.filter { isNew || !$0.isForNewSession }, of: id, db, at: now)
        try db.cachedStatement(
            sql: "UPDATE sessions SET last_activity = max(last_activity, ?), title = coalesce(title, ?) WHERE id = ?"
        ).execute(arguments: [now, record.role == .user ? record.title : nil, session])
        return id
    }

    private func insert(_ rows: [OutboxRow], of message: Int64?, _ db: GRDB.Database, at now: Int64) throws {
        for row in rows {
            try db.cachedStatement(
                sql: """
                    INSERT INTO outbox (stage, topic, payload, text_path, message_id, created_at)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                row.stage, row.topic, row.payload, row.textPath, row.textPath == nil ? nil : message, now,
            ])
        }
    }

    /// A message that is stored already. A whole answer takes the place of a failed or aborted one, and is told of.
    private func merge(
        _ record: MessageRecord, _ rows: [OutboxRow], _ session: Int64, _ db: GRDB.Database, at now: Int64
    ) throws -> Int64 {
        let stored = try Row.fetchOne(
            db, sql: "SELECT id, content, created_at FROM messages WHERE session_id = ? AND run_id = ? AND role = ?",
            arguments: [session, record.runID, record.role.rawValue])
        let id = try Self.existing(stored?["id"])
        if record.role == .user {
            note(
                MessageRepeat(
                    hasSameWords: stored?["content"] == record.contentJSON,
                    storedAt: Timestamp(milliseconds: stored?["created_at"] ?? now)),
                of: record)
        }
        if record.state == .complete {
            let values: [(any DatabaseValueConvertible)?] = [
                record.contentJSON, record.usage?.json.encoded(), record.timestamp.milliseconds,
            ]
            try db.execute(
                sql: """
                    UPDATE messages SET content = ?, usage = ?, timestamp = ?, state = 'complete', error = NULL, error_kind = NULL
                    WHERE id = ? AND state <> 'complete'
                    """, arguments: StatementArguments(values + [id]))
            if db.changesCount == 1, record.role == .assistant {
                try insert(rows.filter { !$0.isForNewSession }, of: id, db, at: now)
            }
        }
        return id
    }

    private func session(
        of record: MessageRecord, _ db: GRDB.Database, at now: Int64
    ) throws -> (id: Int64, isNew: Bool) {
        let name = SessionName(gateway: record.gateway, key: record.sessionKey)
        if let id = state.withLock({ $0.sessionIDs[name] }) { return (id, false) }
        let values: [(any DatabaseValueConvertible)?] = [
            record.gateway, record.sessionKey, record.agent, record.owner, now, now,
        ]
        try db.cachedStatement(
            sql: """
                INSERT INTO sessions (gateway_id, session_key, agent_id, owner, created_at, last_activity)
                VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """
        ).execute(arguments: StatementArguments(values))
        let isNew = db.changesCount == 1
        let id = try Self.existing(
            Int64.fetchOne(
                db, sql: "SELECT id FROM sessions WHERE gateway_id = ? AND session_key = ?",
                arguments: [record.gateway, record.sessionKey]))
        state.withLock { state in
            if state.sessionIDs.count >= Self.maxRemembered { state.sessionIDs = [:] }
            state.sessionIDs[name] = id
        }
        return (id, isNew)
    }

    /// The id of a row that an INSERT with ON CONFLICT DO NOTHING either made or found.
    private static func existing(_ id: Int64?) throws -> Int64 {
        guard let id else { throw StorageFailure(reason: .damaged, description: "a stored row cannot be found again") }
        return id
    }
}
