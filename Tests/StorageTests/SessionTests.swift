import GRDB
import MiddlewareKit
import Storage
import Testing

struct SessionTests {
    /// Sessions `a` to `e`, `e` used last; the owner of each in `owners`.
    private func fill(_ database: Storage.Database, owners: [String?]) async throws {
        for (number, (key, owner)) in zip(["a", "b", "c", "d", "e"], owners).enumerated() {
            _ = try await database.createSession(
                gateway: "home", key: key, title: nil, agent: nil, model: nil, owner: owner)
            try await database.execute("UPDATE sessions SET last_activity = \(number / 2) WHERE session_key = '\(key)'")
        }
    }

    @Test func thoseUsedLastComeFirst() async throws {
        try await withDatabase { database in
            try await fill(database, owners: [nil, nil, nil, nil, nil])
            try await database.store(record("r1", session: "a"), rows: [])
            let keys = try await database.sessions(gateway: "home", visibleTo: .anonymous, limit: 10).map(\.key)
            #expect(keys == ["a", "e", "d", "c", "b"])
            #expect(try await database.sessions(gateway: "other", visibleTo: .anonymous, limit: 10).isEmpty)
        }
    }

    @Test(arguments: 1...5)
    func pagesJoinWithoutGapOrOverlap(limit: Int) async throws {
        try await withDatabase { database in
            try await fill(database, owners: [nil, nil, nil, nil, nil])
            var keys: [String] = []
            var last: Int64?
            repeat {
                let page = try await database.sessions(
                    gateway: "home", visibleTo: .anonymous, limit: limit, before: last)
                keys += page.map(\.key)
                last = page.last?.id
            } while last != nil
            #expect(keys == ["e", "d", "c", "b", "a"])
        }
    }

    @Test(arguments: [
        (Principal(user: "ada"), ["d", "a"]), (Principal(user: "root", isAdministrator: true), ["e", "c"]),
        (Principal.anonymous, ["e", "d", "c", "b", "a"]), (Principal(user: "anonymous"), []),
    ])
    func usersSeeTheirOwn(principal: Principal, keys: [String]) async throws {
        try await withDatabase { database in
            try await fill(database, owners: ["ada", "bob", nil, "ada", "root"])
            let seen = try await database.sessions(gateway: "home", visibleTo: principal, limit: 10).map(\.key)
            #expect(seen == keys)
        }
    }

    @Test func makingASessionTwiceChangesNothing() async throws {
        try await withDatabase { database in
            let first = try await database.createSession(
                gateway: "home", key: "k", title: "T", agent: "a", model: "m", owner: "ada")
            let second = try await database.createSession(
                gateway: "home", key: "k", title: "U", agent: nil, model: nil, owner: "bob")
            #expect(first == second)
            #expect(first.title == "T" && first.agent == "a" && first.model == "m" && first.owner == "ada")
            #expect(try await database.session(gateway: "home", key: "k") == first)
            #expect(try await database.session(gateway: "other", key: "k") == nil)
        }
    }

    @Test func aTitleThatWasGivenStays() async throws {
        try await withDatabase { database in
            _ = try await database.createSession(
                gateway: "home", key: "k", title: "T", agent: nil, model: nil, owner: nil)
            try await database.store(record("r1", session: "k", text: "other"), rows: [])
            #expect(try await database.session(gateway: "home", key: "k")?.title == "T")
        }
    }

    @Test func messagesGoWithTheirSession() async throws {
        try await withDatabase { database in
            try await database.store(record("r1"), rows: [])
            try await database.store(record("r1", session: "other"), rows: [])
            #expect(try await database.deleteSession(gateway: "home", key: "agent:main:main"))
            #expect(try await database.count("messages") == 1)
            #expect(try await database.deleteSession(gateway: "home", key: "agent:main:main") == false)
        }
    }
}
