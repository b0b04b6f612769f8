import GRDB
import MiddlewareKit

extension StorageFailure {
    /// Runs `body` and turns what SQLite throws into plain words, without any of the data.
    static func translating<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch { throw StorageFailure(explaining: error) }
    }

    /// The same; a cancelled task is no trouble with the database, so its error stays what it is.
    static func translating<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch let error as CancellationError { throw error } catch {
            throw StorageFailure(explaining: error)
        }
    }

    init(explaining error: any Error) {
        if let failure = error as? StorageFailure {
            self = failure
            return
        }
        guard let error = error as? DatabaseError else {
            self.init(reason: .other, description: "the database cannot be used (\(type(of: error)))")
            return
        }
        switch error.resultCode {
        case .SQLITE_FULL:
            self.init(reason: .full, description: "the disk is full")
        case .SQLITE_READONLY:
            self.init(reason: .readOnly, description: "the database file may not be written to")
        case .SQLITE_CANTOPEN:
            self.init(reason: .readOnly, description: "the database file cannot be opened or made")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(reason: .locked, description: "the database is locked by another program")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(reason: .damaged, description: "the database file is damaged, or is no SQLite database")
        case .SQLITE_IOERR:
            self.init(reason: .other, description: "the disk reports an error; it may be full or broken")
        default:
            self.init(
                reason: .other, description: "the database refused (SQLite error \(error.extendedResultCode.rawValue))")
        }
    }

    /// Whether the trouble is with this record alone, and not with the database.
    static func concernsOneRecord(_ error: any Error) -> Bool {
        (error as? DatabaseError)?.resultCode == .SQLITE_CONSTRAINT
    }
}
