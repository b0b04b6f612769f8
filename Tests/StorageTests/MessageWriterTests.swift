import Foundation
import GRDB
import MiddlewareKit
import Storage
import Testing

struct MessageWriterTests {
    private let row = OutboxRow(stage: "hook", topic: "message", payload: #"{"a":1}"#)

    @Test func aMessageThatComesAgainIsNotedOnce() async throws {
        try await withDatabase { database in
            func repetition(_ run: String = "r") -> MessageRepeat? {
                database.takeRepeat(of: run, gateway: "home", sessionKey: "agent:main:main")
            }
            try await database.store(record("r"), rows: [])
            #expect(repetition() == nil)
            try await database.store(record("r"), rows: [])
            #expect(repetition("other") == nil)
            #expect(repetition()?.hasSameWords == true)
            #expect(repetition() == nil)
            try await database.store(record("r", text: "something else"), rows: [])
            #expect(repetition()?.hasSameWords == false)
            // An answer that is seen twice is none.
            for _ in 1...2 { try await database.store(record("r", role: .assistant), rows: []) }
            #expect(repetition() == nil)
        }
    }

    @Test func messagesThatComeTogetherShareTransactions() async throws {
        try await withDatabase { database in
            let ids = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<1000 {
                    group.addTask {
                        try await database.store(record("r\(number)", session: "agent:main:\(number % 7)"), rows: [])
                    }
                }
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect(ids.count == 1000)
            #expect(try await database.count("messages") == 1000)
            #expect(try await database.count("sessions") == 7)
            #expect((1..<500).contains(database.commits))
        }
    }

    @Test func moreThanMayWaitIsRefusedAtOnceAndNothingIsLost() async throws {
        try await withDatabase { database in
            // The writer is kept busy until all have asked, so that the queue must fill up.
            let (gate, open) = AsyncStream<Void>.makeStream()
            let hold = DispatchSemaphore(value: 0)
            database.pool.asyncWriteWithoutTransaction { _ in
                open.finish()
                hold.wait()
            }
            for await _ in gate {}
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<5000 {
                    group.addTask { (try? await database.store(record("r\(number)"), rows: [])) != nil }
                }
                // The refused ones answer while nothing can be written yet.
                for _ in 0..<(5000 - 4096) { #expect(await group.next() == false) }
                hold.signal()
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(outcomes == 4096)
            let count = try await database.count("messages")
            #expect(count == 4096)
        }
    }

    @Test func aRecordThatBreaksARuleFailsAlone() async throws {
        try await withDatabase { database in
            try await database.execute(
                """
                CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN NEW.run_id LIKE 'bad%'
                BEGIN SELECT RAISE(ABORT, 'no'); END
                """)
            let failed = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<60 {
                    let isBad = number % 6 == 0
                    let new = record(
                        "\(isBad ? "bad" : "good")\(number)", session: "agent:main:\(isBad ? "bad" : "good")")
                    group.addTask { (try? await database.store(new, rows: [row])) == nil }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(failed == 10)
            #expect(try await database.count("messages") == 50)
            #expect(try await database.count("outbox") == 50)
            #expect(try await database.count("sessions") == 1)
        }
    }

    @Test func rowsAreStoredExactlyWithTheirMessage() async throws {
        try await withDatabase { database in
            let other = OutboxRow(stage: "audit", topic: "seen", payload: "x")
            try await database.store(record("r1"), rows: [row, other])
            try await database.store(record("r1"), rows: [row, other])
            let stored = try await database.pool.read { db in
                try Row.fetchAll(db, sql: "SELECT stage, topic, payload FROM outbox ORDER BY id").map { row in
                    OutboxRow(stage: row["stage"], topic: row["topic"], payload: row["payload"])
                }
            }
            #expect(stored == [row, other])
        }
    }

    @Test func theSameMessageIsStoredOnce() async throws {
        try await withDatabase { database in
            let ids = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<20 { group.addTask { try await database.store(record("r1"), rows: [row]) } }
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            #expect(try await database.count("messages") == 1)
            #expect(try await database.count("outbox") == 1)
        }
    }

    @Test func runRoleAndSessionTogetherNameAMessage() async throws {
        try await withDatabase { database in
            let ids = [
                try await database.store(record("r1"), rows: []),
                try await database.store(record("r1", role: .assistant), rows: []),
                try await database.store(record("r1", session: "agent:main:other"), rows: []),
                try await database.store(record("r2"), rows: []),
            ]
            #expect(Set(ids).count == 4)
        }
    }

    @Test(arguments: [MessageRecord.State.failed, .aborted])
    func aWholeAnswerReplacesOneThatEndedBadly(state: MessageRecord.State) async throws {
        try await withDatabase { database in
            let bad = record("r1", role: .assistant, state: state, text: "hel", error: "overloaded")
            let id = try await database.store(bad, rows: [row])
            var whole = record("r1", role: .assistant, text: "hello there")
            whole.usage = Usage(input: 3, output: 5)
            #expect(try await database.store(whole, rows: [row]) == id)

            let message = try #require(try await database.page().messages.first)
            #expect(message.state == "complete")
            #expect(message.error == nil)
            #expect(message.content.map(\.text) == ["hello there"])
            #expect(message.usage?.output == 5)
            // Both were told of.
            #expect(try await database.count("outbox") == 2)
        }
    }

    @Test func aBadEndDoesNotReplaceAWholeAnswer() async throws {
        try await withDatabase { database in
            try await database.store(record("r1", role: .assistant, text: "whole"), rows: [])
            try await database.store(
                record("r1", role: .assistant, state: .failed, text: "", error: "timeout"), rows: [])
            try await database.store(record("r1", role: .assistant, text: "another"), rows: [])
            let message = try #require(try await database.page().messages.first)
            #expect(message.state == "complete")
            #expect(message.error == nil)
            #expect(message.content.map(\.text) == ["whole"])
        }
    }

    @Test func aSessionBelongsToWhoeverUsedItFirst() async throws {
        try await withDatabase { database in
            try await database.store(record("r1", owner: "ada"), rows: [])
            try await database.store(record("r2", owner: "bob"), rows: [])
            let session = try #require(try await database.session(gateway: "home", key: "agent:main:main"))
            #expect(session.owner == "ada")
            #expect(session.agent == "main")
        }
    }

    @Test(arguments: [
        ("  \n\n first line\nsecond", "first line"), ("one", "one"),
        (String(repeating: "é", count: 90), String(repeating: "é", count: 80)),
    ])
    func theFirstUserMessageGivesTheTitle(text: String, title: String) async throws {
        try await withDatabase { database in
            try await database.store(record("r0", role: .assistant, text: "not this"), rows: [])
            try await database.store(record("r1", text: " \n "), rows: [])
            try await database.store(record("r2", text: text), rows: [])
            try await database.store(record("r3", text: "too late"), rows: [])
            #expect(try await database.session(gateway: "home", key: "agent:main:main")?.title == title)
        }
    }

    @Test func aSessionThatWasDeletedIsMadeAgain() async throws {
        try await withDatabase { database in
            try await database.store(record("r1"), rows: [])
            #expect(try await database.deleteSession(gateway: "home", key: "agent:main:main"))
            try await database.store(record("r2"), rows: [])
            #expect(try await database.page().messages.map(\.run) == ["r2"])
        }
    }

    @Test func aSessionThatAnotherProcessDeletedIsMadeAgain() async throws {
        let folder = try TemporaryFolder()
        let (server, command) = (try folder.open(), try folder.open())
        try await server.store(record("r1"), rows: [])
        #expect(try await command.deleteSession(gateway: "home", key: "agent:main:main"))
        try await server.store(record("r2"), rows: [])
        #expect(try await server.page().messages.map(\.run) == ["r2"])
        try server.close()
        try command.close()
    }
}
