import Foundation
import GRDB
import MiddlewareKit
import Storage
import Testing

struct DatabaseTests {
    @Test func makesItsFolderForItsOwnerOnly() async throws {
        let folder = try TemporaryFolder()
        let inner = folder.path + "/a/b"
        let database = try Storage.Database.open(
            path: inner + "/sluice.db", synchronous: .full, busyTimeout: .seconds(1))
        for path in [inner, folder.path + "/a"] {
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o700)
        }
        try database.close()
    }

    @Test(arguments: [(Storage.Database.Synchronous.full, 2), (.normal, 1)])
    func writesAsDurablyAsAsked(synchronous: Storage.Database.Synchronous, level: Int) async throws {
        let folder = try TemporaryFolder()
        let database = try folder.open(synchronous: synchronous)
        #expect(try await database.writerNumber("PRAGMA synchronous") == level)
        try database.close()
    }

    @Test func usesWriteAheadLogAndForeignKeys() async throws {
        try await withDatabase { database in
            let mode = try await database.pool.read { db in try String.fetchOne(db, sql: "PRAGMA journal_mode") }
            #expect(mode == "wal")
            #expect(try await database.writerNumber("PRAGMA foreign_keys") == 1)
            try await database.checkHealth()
        }
    }

    @Test func keepsWhatIsStoredWhenItIsOpenedAgain() async throws {
        let folder = try TemporaryFolder()
        let first = try folder.open()
        try await first.store(record("r1"), rows: [])
        try first.close()
        let second = try folder.open()
        #expect(try await second.page().messages.map(\.run) == ["r1"])
        try second.close()
    }

    @Test func theFileAloneHoldsAllOnceItIsClosed() async throws {
        let (folder, other) = (try TemporaryFolder(), try TemporaryFolder())
        let database = try folder.open()
        try await database.store(record("r1"), rows: [])
        // Readers that were used keep a connection.
        #expect(try await database.page().messages.count == 1)
        try database.close()
        try FileManager.default.copyItem(atPath: folder.databasePath, toPath: other.databasePath)
        let copy = try other.open()
        #expect(try await copy.page().messages.map(\.run) == ["r1"])
        try copy.close()
    }

    @Test func refusesADatabaseOfANewerVersion() async throws {
        let folder = try TemporaryFolder()
        let database = try folder.open()
        try await database.execute("INSERT INTO grdb_migrations VALUES ('v999')")
        try database.close()
        let failure = #expect(throws: StorageFailure.self) { try folder.open() }
        #expect(failure?.description.contains("newer version") == true)
    }

    @Test func nobodyElseMayReadIt() async throws {
        let folder = try TemporaryFolder()
        let database = try folder.open()
        try await database.store(record("r"), rows: [])
        for name in ["sluice.db", "sluice.db-wal", "sluice.db-shm"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/" + name)
            #expect((attributes[.posixPermissions] as? Int) == 0o600, "\(name)")
        }
        try database.close()
    }

    /// SQLite does not wait for others when it makes a new file a WAL database, so we do.
    @Test func twoWhoMakeTheSameDatabaseDoNotDisturbEachOther() async throws {
        for _ in 0..<20 {
            let folder = try TemporaryFolder()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 { group.addTask { try folder.open().close() } }
                try await group.waitForAll()
            }
            try folder.open().close()
        }
    }

    @Test func twoConnectionsCanWrite() async throws {
        let folder = try TemporaryFolder()
        let (server, command) = (try folder.open(), try folder.open())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask { try await server.store(record("r\(number)"), rows: []) }
                group.addTask { _ = try await command.createKey(user: "u\(number)", isAdministrator: false) }
            }
            try await group.waitForAll()
        }
        #expect(try await server.count("keys") == 50)
        #expect(try await command.count("messages") == 50)
        try server.close()
        try command.close()
    }

    @Test func failsAfterItWasClosed() async throws {
        let folder = try TemporaryFolder()
        let database = try folder.open()
        try database.close()
        await #expect(throws: StorageFailure.self) { try await database.store(record("r1"), rows: []) }
        await #expect(throws: StorageFailure.self) { try await database.checkHealth() }
    }
}
