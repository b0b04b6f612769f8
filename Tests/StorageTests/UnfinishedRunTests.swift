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
