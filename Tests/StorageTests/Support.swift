import Foundation
import GRDB
import MiddlewareKit
import NIOCore
import Storage

/// A folder of a test's own, removed when the test is over.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "sluice-storage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var databasePath: String { path + "/sluice.db" }

    func open(
        synchronous: Storage.Database.Synchronous = .normal, busyTimeout: Duration = .seconds(5),
        now: @escaping @Sendable () -> Timestamp = Storage.Database.systemTime
    ) throws -> Storage.Database {
        try .open(path: databasePath, synchronous: synchronous, busyTimeout: busyTimeout, now: now)
    }
}

/// Runs `body` on an empty database.
func withDatabase<Result>(
    busyTimeout: Duration = .seconds(5), now: @escaping @Sendable () -> Timestamp = Storage.Database.systemTime,
    _ body: (Storage.Database) async throws -> Result
) async throws -> Result {
    let folder = try TemporaryFolder()
    let database = try folder.open(busyTimeout: busyTimeout, now: now)
    let result = try await body(database)
    try database.close()
    withExtendedLifetime(folder) {}
    return result
}

/// A short message of the session `main` of gateway `home`.
func record(
    _ run: String, session: String = "agent:main:main", owner: String? = "ada", role: MessageRecord.Role = .user,
    state: MessageRecord.State = .complete, text: String = "hello", error: String? = nil
) -> MessageRecord {
    MessageRecord(
        gateway: "home", sessionKey: session, owner: owner, role: role, state: state, runID: run, text: text,
        error: error, agent: "main", timestamp: Timestamp(milliseconds: 1_770_000_000_123))
}

extension Storage.Database {
    func count(_ table: String) async throws -> Int {
        try await pool.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") ?? -1 }
    }

    func execute(_ sql: String) async throws {
        try await pool.writeWithoutTransaction { db in try db.execute(sql: sql) }
    }

    /// The whole answer to a pragma or query that gives one number, asked on the writer's connection.
    func writerNumber(_ sql: String) async throws -> Int? {
        try await pool.writeWithoutTransaction { db in try Int.fetchOne(db, sql: sql) }
    }

    /// A page with its JSON parsed.
    func page(
        session: String = "agent:main:main", limit: Int = 50, before: Int64? = nil
    ) async throws -> (messages: [ParsedMessage], before: Int64?) {
        let page = try await messages(gateway: "home", sessionKey: session, limit: limit, before: before)
        return (try JSONDecoder().decode([ParsedMessage].self, from: Data(page.json.readableBytesView)), page.before)
    }
}

/// A message of a page, read by a parser that is not ours.
struct ParsedMessage: Decodable, Equatable {
    struct Block: Decodable, Equatable {
        var type: String
        var text: String?
        var thinking: String?
        var mimeType: String?
        var fileName: String?
        var bytes: Int?
        var omitted: Bool?
    }

    struct Usage: Decodable, Equatable {
        var input: Int?
        var output: Int?
        var totalTokens: Int?
    }

    var id: Int64
    var session: Int64
    var role: String
    var content: [Block]
    var state: String
    var run: String
    var error: String?
    var usage: Usage?
    var timestamp: Int64
    var createdAt: String

    private enum CodingKeys: String, CodingKey {
        case id, role, content, state, error, usage, timestamp
        case session = "session_id"
        case run = "run_id"
        case createdAt = "created_at"
    }
}
