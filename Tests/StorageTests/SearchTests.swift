import MiddlewareKit
import Storage
import Testing

@Suite struct SearchTests {
    private func fill(_ database: Database) async throws {
        let said = [
            ("ada", "s1", "The sea is blue"), ("bob", "s2", "The sea is deep"), (nil, "s3", "A SEA of sand"),
            ("ada", "s1", "100 % of it"), ("ada", "s1", "type text"),
        ]
        for (index, (owner, key, text)) in said.enumerated() {
            let record = MessageRecord(
                gateway: "home", sessionKey: key, owner: owner, role: .user, runID: "r\(index)", text: text,
                timestamp: Timestamp(milliseconds: 0))
            try await database.store(record, rows: [])
        }
    }

    @Test(arguments: [
        (Principal.anonymous, ["A SEA of sand", "The sea is deep", "The sea is blue"]),
        (Principal(user: "ada"), ["The sea is blue"]),
        (Principal(user: "eve"), []),
        (Principal(user: "bob", isAdministrator: true), ["A SEA of sand", "The sea is deep"]),
    ])
    func everybodyFindsWhatTheyMaySee(principal: Principal, expected: [String]) async throws {
        try await withDatabase { database in
            try await fill(database)
            let page = try await database.search("sea", gateway: nil, visibleTo: principal, limit: 10, before: nil)
            #expect(page.messages.map(\.text) == expected)
            #expect(page.before == nil)
            let other = try await database.search("sea", gateway: "mars", visibleTo: principal, limit: 10, before: nil)
            #expect(other.messages.isEmpty)
        }
    }

    /// Neither the marks of LIKE nor the JSON around the text are what people look for.
    @Test(arguments: [("%", 1), ("_", 0), ("100 %", 1), ("\\", 0), ("\"type\"", 0), ("type", 1), ("'", 0)])
    func theTextIsMeantAsItIs(query: String, count: Int) async throws {
        try await withDatabase { database in
            try await fill(database)
            let page = try await database.search(
                query, gateway: nil, visibleTo: .anonymous, limit: 10, before: nil)
            #expect(page.messages.count == count)
        }
    }

    @Test(arguments: [1, 2, 3], [1, 2, 100])
    func pagesJoinWithoutGapOrOverlap(limit: Int, step: Int) async throws {
        try await withDatabase { database in
            try await fill(database)
            var (texts, before): ([String], Int64?) = ([], nil)
            repeat {
                let page = try await database.search(
                    "sea", gateway: nil, visibleTo: .anonymous, limit: limit, before: before, searching: step)
                texts += page.messages.map(\.text)
                before = page.before
            } while before != nil
            #expect(texts == ["A SEA of sand", "The sea is deep", "The sea is blue"])
        }
    }
}
