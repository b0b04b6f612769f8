import Foundation
import GRDB
import MiddlewareKit
import NIOCore
import Testing

@testable import Storage

struct MessagePageTests {
    /// The runs of every page, walked from the newest to the oldest.
    private func walk(_ database: Storage.Database, limit: Int) async throws -> [[String]] {
        var pages: [[String]] = []
        var before: Int64?
        repeat {
            let page = try await database.page(limit: limit, before: before)
            pages.append(page.messages.map(\.run))
            before = page.before
        } while before != nil
        return pages
    }

    @Test(arguments: [
        (1, [["4"], ["3"], ["2"], ["1"], ["0"]]), (2, [["3", "4"], ["1", "2"], ["0"]]),
        (5, [["0", "1", "2", "3", "4"]]), (4, [["1", "2", "3", "4"], ["0"]]), (500, [["0", "1", "2", "3", "4"]]),
    ])
    func pagesJoinWithoutGapOrOverlap(limit: Int, pages: [[String]]) async throws {
        try await withDatabase { database in
            for number in 0..<5 {
                try await database.store(record("\(number)"), rows: [])
                // Messages of other sessions lie between, and must not show.
                try await database.store(record("\(number)", session: "agent:main:other"), rows: [])
            }
            #expect(try await walk(database, limit: limit) == pages)
        }
    }

    @Test func anUnknownSessionHasAnEmptyPage() async throws {
        try await withDatabase { database in
            let page = try await database.messages(gateway: "home", sessionKey: "none", limit: 10, before: nil)
            #expect(page == (try await database.messages(gateway: "none", sessionKey: "x", limit: 10, before: 5)))
            #expect(String(buffer: page.json) == "[]")
            #expect(page.before == nil)
        }
    }

    @Test func thePageSaysWhatTheRowsSay() async throws {
        try await withDatabase { database in
            try await database.store(record("first"), rows: [])
            var failed = record(
                "seco\"nd", role: .assistant, state: .failed, text: "a \"quoted\" \\ \u{1} \u{2028} 🙂",
                error: "over\nloaded \"x\"")
            failed.usage = Usage(input: 1, output: nil, total: 9)
            try await database.store(failed, rows: [])
            try await database.execute("UPDATE messages SET created_at = 1770091559998 + id")

            let rows = try await database.pool.read { db in
                try Row.fetchAll(db, sql: "SELECT * FROM messages ORDER BY id").map { row in
                    let (content, usage): (String, String?) = (row["content"], row["usage"])
                    let createdAt: Int64 = row["created_at"]
                    return ParsedMessage(
                        id: row["id"], session: row["session_id"], role: row["role"],
                        content: try JSONDecoder().decode([ParsedMessage.Block].self, from: Data(content.utf8)),
                        state: row["state"], run: row["run_id"], error: row["error"],
                        usage: try usage.map {
                            try JSONDecoder().decode(ParsedMessage.Usage.self, from: Data($0.utf8))
                        },
                        timestamp: row["timestamp"], createdAt: Timestamp(milliseconds: createdAt).iso8601)
                }
            }
            let page = try await database.page()
            #expect(page.messages == rows)
            #expect(page.messages.map(\.createdAt) == ["2026-02-03T04:05:59.999Z", "2026-02-03T04:06:00.000Z"])
            #expect(page.messages.last?.content.map(\.text) == [failed.text])
            #expect(page.messages.last?.error == failed.error)
            #expect(page.messages.last?.usage == ParsedMessage.Usage(input: 1, output: nil, totalTokens: 9))
        }
    }

    @Test func aPageThatWasReadBeforeShowsWhatIsStoredSince() async throws {
        try await withDatabase { database in
            try await database.store(
                record("r1", role: .assistant, state: .failed, text: "", error: "timeout"), rows: [])
            #expect(try await database.page().messages.map(\.state) == ["failed"])
            try await database.store(record("r2"), rows: [])
            #expect(try await database.page().messages.map(\.run) == ["r1", "r2"])
            try await database.store(record("r1", role: .assistant, text: "whole"), rows: [])
            #expect(try await database.page().messages.map(\.state) == ["complete", "complete"])
            #expect(try await database.deleteSession(gateway: "home", key: "agent:main:main"))
            #expect(try await database.page().messages.isEmpty)
        }
    }

    @Test func thePageReadsOnlyItsOwnMessagesAndSortsNothing() async throws {
        try await withDatabase { database in
            let plan = try await database.pool.read { db in
                try Row.fetchAll(
                    db, sql: "EXPLAIN QUERY PLAN " + Storage.Database.pageQuery, arguments: ["home", "main", 9, 9, 100]
                ).map { row in row["detail"] as String }
            }
            let walks = plan.filter { $0.contains(" messages ") }
            #expect(walks.count == 1)
            #expect(walks.allSatisfy { $0.contains("messages_by_page (session_id=? AND ") })
            #expect(!plan.contains { $0.contains("TEMP B-TREE") })
        }
    }
}
