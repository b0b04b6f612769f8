import Foundation
import GRDB
import MiddlewareKit
import Storage
import Testing

struct StorageFailureTests {
    private func reason(of work: () async throws -> Void) async -> StorageFailure.Reason? {
        do {
            try await work()
            return nil
        } catch {
            return (error as? StorageFailure)?.reason
        }
    }

    @Test func aFullDiskKeepsWhatWasThereAndPasses() async throws {
        // The database is tried again ten seconds after a failure, which a slow machine may take to come to the question.
        let now = Timestamp(milliseconds: 1_770_000_000_000)
        try await withDatabase(now: { now }) { database in
            try await database.store(record("before"), rows: [])
            let pages = try #require(try await database.writerNumber("PRAGMA page_count"))
            try await database.execute("PRAGMA max_page_count = \(pages)")
            let big = String(repeating: "x", count: 100_000)
            let row = OutboxRow(stage: "hook", topic: "message", payload: "{}")

            let failed = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<20 {
                    let new = record("full-\(number)", session: "agent:main:new", text: big)
                    group.addTask {
                        do {
                            try await database.store(new, rows: [row])
                            return false
                        } catch {
                            return (error as? StorageFailure)?.reason == .full
                        }
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(failed == 20)
            #expect(await reason { try await database.checkHealth() } == .full)
            #expect(try await database.count("outbox") == 0)
            #expect(try await database.count("sessions") == 1)
            #expect(try await database.page().messages.map(\.run) == ["before"])

            try await database.execute("PRAGMA max_page_count = 1000000")
            try await database.store(record("after", session: "agent:main:new", text: big), rows: [row])
            try await database.checkHealth()
            #expect(try await database.page(session: "agent:main:new").messages.map(\.run) == ["after"])
            #expect(try await database.count("outbox") == 1)
        }
    }

    @Test func anotherWriterIsWaitedForOnlySoLong() async throws {
        let folder = try TemporaryFolder()
        let database = try folder.open(busyTimeout: .milliseconds(1))
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: folder.databasePath, configuration: configuration)
        try await other.writeWithoutTransaction { db in try db.execute(sql: "BEGIN IMMEDIATE") }
        #expect(await reason { try await database.store(record("r1"), rows: []) } == .locked)
        #expect(await reason { _ = try await database.createKey(user: "ada", isAdministrator: false) } == .locked)
        #expect(try await database.page().messages.isEmpty)
        try await other.writeWithoutTransaction { db in try db.execute(sql: "ROLLBACK") }
        try await database.store(record("r1"), rows: [])
        #expect(try await database.count("messages") == 1)
        try other.close()
        try database.close()
    }

    @Test func aReadOnlyDatabaseRefusesWritesAndAnswersReads() async throws {
        try await withDatabase { database in
            try await database.store(record("r1"), rows: [])
            try await database.execute("PRAGMA query_only = 1")
            #expect(await reason { try await database.store(record("r2"), rows: []) } == .readOnly)
            #expect(try await database.page().messages.count == 1)
        }
    }

    @Test func aFileThatIsNoDatabaseIsNamedDamaged() async throws {
        let folder = try TemporaryFolder()
        try Data(String(repeating: "not a database ", count: 500).utf8).write(to: URL(filePath: folder.databasePath))
        let failure = #expect(throws: StorageFailure.self) { try folder.open() }
        #expect(failure?.reason == .damaged)
        #expect(failure?.description == "the database file \(folder.databasePath) is damaged, or is no SQLite database")
    }

    @Test func damageInsideTheFileIsNoticed() async throws {
        let folder = try TemporaryFolder()
        let database = try folder.open()
        for number in 0..<20 {
            try await database.store(record("r\(number)", text: String(repeating: "x", count: 4000)), rows: [])
        }
        try database.close()
        let file = try FileHandle(forUpdating: URL(filePath: folder.databasePath))
        let end = try file.seekToEnd()
        // The header stays as it is: only what is stored behind it is overwritten.
        try file.seek(toOffset: 4096)
        try file.write(contentsOf: Data(repeating: 0xA5, count: Int(end) - 4096))
        try file.close()
        #expect(
            await reason {
                let damaged = try folder.open()
                _ = try await damaged.page()
            } == .damaged)
    }

    @Test func aPathWhereNoFolderCanBeIsReadOnly() async throws {
        let folder = try TemporaryFolder()
        try Data().write(to: URL(filePath: folder.path + "/file"))
        let path = folder.path + "/file/sluice.db"
        #expect(
            await reason {
                _ = try Storage.Database.open(path: path, synchronous: .normal, busyTimeout: .zero)
            } == .readOnly)
    }

    @Test func aFolderInPlaceOfTheFileIsReadOnly() async throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.databasePath, withIntermediateDirectories: true)
        #expect(await reason { _ = try folder.open() } == .readOnly)
    }

    @Test func theWordsHoldNoneOfTheData() async throws {
        try await withDatabase { database in
            let gateway = StoredGateway(id: "home", name: "private", url: "ws://h", token: "t0ken", password: nil)
            try await database.addGateway(gateway)
            let failure = await #expect(throws: StorageFailure.self) { try await database.addGateway(gateway) }
            let words = failure?.description ?? ""
            #expect(!words.contains("private") && !words.contains("t0ken") && !words.contains("INSERT"))
        }
    }

    @Test func aCancelledReadIsNotCalledAFailure() async throws {
        try await withDatabase { database in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    withUnsafeCurrentTask { $0?.cancel() }
                    await #expect(throws: CancellationError.self) { try await database.checkHealth() }
                }
            }
        }
    }
}
