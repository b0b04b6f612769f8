import Foundation
package import GRDB
package import MiddlewareKit
import Synchronization

/// The SQLite database: sessions, messages, access keys and gateways that were added at run time.
///
/// One writer, several readers (WAL mode); safe to use from anywhere, and from another process at the same time.
package final class Database: Sendable {
    /// What a commit waits for, as SQLite's `PRAGMA synchronous` has it.
    package enum Synchronous: Sendable {
        /// The disk has it: it survives a power failure.
        case full
        /// The operating system has it: it survives a crash of the process.
        case normal
    }

    package let pool: DatabasePool
    let writer: MessageWriter
    let pages = PageCache()
    /// Fires when rows came into the outbox, and when webhooks were changed.
    let changes = ChangeSignal()
    /// How often endpoints of webhooks were changed.
    let endpointChanges = Atomic(0)
    let secrets: SecretBox
    /// The clock by which rows get their times.
    let now: @Sendable () -> Timestamp

    private init(pool: DatabasePool, secrets: SecretBox, now: @escaping @Sendable () -> Timestamp) {
        self.pool = pool
        self.secrets = secrets
        self.now = now
        writer = MessageWriter(pool: pool, pages: pages, outboxChanges: changes)
    }

    /// Opens the database, making its folder and file when they are missing, and brings its schema up to date.
    ///
    /// - Parameter busyTimeout: How long a write waits for another process that writes.
    /// - Throws: ``StorageFailure`` in plain words.
    package static func open(
        path: String, synchronous: Synchronous, busyTimeout: Duration,
        now: @escaping @Sendable () -> Timestamp = systemTime
    ) throws -> Database {
        try StorageFailure.translating(file: path) {
            let folder = URL(filePath: path).deletingLastPathComponent()
            do {
                try FileManager.default.createDirectory(
                    at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw StorageFailure(reason: .readOnly, description: "the folder \(folder.path) cannot be made")
            }
            // SQLite does not wait for others when it makes a new file a WAL database, so those who open take turns.
            let turn = Foundation.open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            defer { if turn >= 0 { _ = Foundation.close(turn) } }
            if turn >= 0 { _ = flock(turn, LOCK_EX) }
            // For nobody else to read: SQLite gives its other files the mode of this one.
            let file = Foundation.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if file >= 0 { _ = Foundation.close(file) }
            var configuration = Configuration()
            configuration.journalMode = .wal
            configuration.busyMode = .timeout(Double(busyTimeout.wholeMilliseconds) / 1000)
            configuration.maximumReaderCount = 4
            let pool = try DatabasePool(path: path, configuration: configuration)
            // Not in `prepareDatabase`: GRDB sets NORMAL after that, when it switches to WAL mode.
            try pool.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA synchronous = \(synchronous == .full ? "FULL" : "NORMAL")")
            }
            try Schema.migrate(pool)
            let secrets = try SecretBox(keyFile: path + ".key", isNeeded: try pool.read(Schema.holdsSecrets))
            return Database(pool: pool, secrets: secrets, now: now)
        }
    }

    package static let systemTime: @Sendable () -> Timestamp = {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }

    /// How many transactions the stored messages took: fewer than messages, as those that come together share one.
    package var commits: Int { writer.commits }

    /// How many messages wait for their transaction.
    package var waitingMessages: Int { writer.waiting }

    /// Waits for what runs. What comes later fails with ``StorageFailure``.
    package func close() throws {
        // SQLite does this when the last connection closes, but only for one that can write, and GRDB closes that first.
        // Without it a copy of the file alone would lack the newest messages. When another process is at work, it will.
        try? pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
        try StorageFailure.translating { try pool.close() }
    }

    /// - Throws: ``StorageFailure`` when the database cannot be read, or could not be
    ///   written a moment ago.
    package func checkHealth() async throws {
        try await read { db in _ = try Int.fetchOne(db, sql: "SELECT 1") }
        guard let last = writer.lastFailure else { return }
        let now = now().milliseconds
        guard now - last.at > 10_000 else { throw last.failure }
        try await write { db in
            try db.execute(sql: "INSERT OR REPLACE INTO meta (key, value) VALUES ('written', ?)", arguments: ["\(now)"])
        }
        writer.forgetFailure()
    }

    func read<Value: Sendable>(_ body: @escaping @Sendable (GRDB.Database) throws -> Value) async throws -> Value {
        try await StorageFailure.translating { try await pool.read(body) }
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable (GRDB.Database) throws -> Value) async throws -> Value {
        try await StorageFailure.translating { try await pool.write(body) }
    }
}
