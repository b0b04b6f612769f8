import GRDB
import GRDBSQLite

/// The rows of a statement, read with SQLite's own functions: GRDB's rows cost several times as much, which shows for pages of
/// hundreds of messages.
///
/// The pointers that SQLite gives are valid until the next step; nothing here lets one out of the caller's row.
struct StatementRows {
    private let statement: OpaquePointer

    /// Takes a statement whose arguments are set.
    init(_ statement: OpaquePointer) { self.statement = statement }

    /// - Throws: `DatabaseError`.
    func next() throws -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw DatabaseError(resultCode: ResultCode(rawValue: code))
        }
    }

    /// Call it when no more rows are read, or the statement keeps its snapshot of the database.
    func end() { sqlite3_reset(statement) }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }

    /// Empty for NULL.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: sqlite3_column_blob(statement, column), count: Int(sqlite3_column_bytes(statement, column)))
    }

    /// UTF-8; empty for NULL.
    func text(_ column: Int32) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(
            start: sqlite3_column_text(statement, column), count: Int(sqlite3_column_bytes(statement, column)))
    }
}
