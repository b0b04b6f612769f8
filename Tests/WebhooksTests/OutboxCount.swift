import GRDB
import Storage

extension Storage.Database {
    /// How many events are kept.
    func outboxCount() async throws -> Int {
        try await pool.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM outbox") ?? -1 }
    }

    func execute(_ sql: String) async throws { try await pool.write { db in try db.execute(sql: sql) } }
}
