import GRDB
import MiddlewareKit

extension StorageFailure {
    /// Runs `body` and turns what SQLite throws into plain words, without any of the data.
    ///
    /// - Parameter file: The database file; nil where the words may reach somebody whom it does not concern.
    static func translating<Value>(file: String? = nil, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch { throw StorageFailure(explaining: error, file: file) }
    }

    /// The same; a cancelled task is no trouble with the database, so its error stays what it is.
    static func translating<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch let error as CancellationError { throw error } catch {
            throw StorageFailure(explaining: error)
        }
    }

    init(explaining error: any Error, file: String? = nil) {
        if let failure = error as? StorageFailure {
            self = failure
            return
        }
        guard let error = error as? DatabaseError else {
            self.init(reason: .other, description: "the database cannot be used (\(type(of: error)))")
            return
        }
        let file = "the database file" + (file.map { " \($0)" } ?? "")
        switch error.resultCode {
        case .SQLITE_FULL:
            self.init(reason: .full, description: "the disk is full")
        case .SQLITE_READONLY:
            self.init(reason: .readOnly, description: "\(file) may not be written to")
        case .SQLITE_CANTOPEN:
            self.init(reason: .readOnly, description: "\(file) cannot be opened or made")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(reason: .locked, description: "the database is locked by another program")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(reason: .damaged, description: "\(file) is damaged, or is no SQLite database")
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
