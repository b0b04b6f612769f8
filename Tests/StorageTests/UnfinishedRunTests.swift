import MiddlewareKit
import Testing

@testable import Storage

struct UnfinishedRunTests {
    private func open(_ database: Database, since: Int64 = 0) async throws -> [String] {
        try await database.unfinishedRuns(since: Timestamp(milliseconds: since)).map(\.runID)
    }

    @Test func messagesWithoutAnswerAreFound() async throws {
        try await withDatabase { database in
            for run in ["answered", "failed", "silent", "open", "message:7", "history:8"] {
                try await database.store(record(run, text: "hello \(run)"), rows: [])
            }
            try await database.store(record("answered", role: .assistant), rows: [])
            try await database.store(record("failed", role: .assistant, state: .failed, error: "no"), rows: [])
            try await database.markUnanswered(gateway: "home", sessionKey: "agent:main:main", runID: "silent")
            let unfinished = try await database.unfinishedRuns(since: Timestamp(milliseconds: 0))
            #expect(unfinished.map(\.runID) == ["open"])
            #expect(unfinished.first?.text == "hello open")
            #expect(unfinished.first?.owner == "ada")
            #expect(try await open(database, since: .max) == [])
        }
    }

    @Test func oldMessagesAreMarkedOnce() async throws {
        try await withDatabase { database in
            for run in ["answered", "open", "message:7"] { try await database.store(record(run), rows: []) }
            try await database.store(record("answered", role: .assistant), rows: [])
            #expect(try await database.markUnanswered(before: Timestamp(milliseconds: 0)) == 0)
            #expect(try await database.markUnanswered(before: Timestamp(milliseconds: .max)) == 1)
            #expect(try await database.markUnanswered(before: Timestamp(milliseconds: .max)) == 0)
            #expect(try await open(database) == [])
        }
    }

    @Test func answersThatWereGivenUpAreFoundAndHealed() async throws {
        try await withDatabase { database in
            for (run, kind) in [("lost", "gateway_lost"), ("refused", "refusal"), ("silent", "undelivered")] {
                try await database.store(record(run, text: "hello \(run)"), rows: [])
                var failed = record(run, role: .assistant, state: .failed, error: "no")
                failed.errorKind = kind
                try await database.store(failed, rows: [])
            }
            func lost() async throws -> [String] {
                try await database.lostRuns(gateway: "home", sessionKey: "agent:main:main").map(\.runID)
            }
            #expect(try await lost() == ["lost", "silent"])
            try await database.store(record("lost", role: .assistant, text: "Hi"), rows: [])
            #expect(try await lost() == ["silent"])
        }
    }

    @Test func whoeverWasNotAnsweredIsToldSo() async throws {
        try await withDatabase { database in
            try await database.store(record("silent"), rows: [])
            try await database.markUnanswered(gateway: "home", sessionKey: "agent:main:main", runID: "silent")
            #expect(try await database.page().messages.map(\.state) == ["unanswered"])
            // Nobody else's message changes.
            try await database.markUnanswered(gateway: "home", sessionKey: "agent:main:none", runID: "silent")
        }
    }
}
