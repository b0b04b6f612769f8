import Crypto
import Foundation
import MiddlewareKit
import Storage
import Testing

struct KeyTests {
    @Test func theTextIsShownOnceAndOnlyItsHashIsKept() async throws {
        try await withDatabase { database in
            let (text, key) = try await database.createKey(user: "ada", isAdministrator: true)
            let parts = text.split(separator: "_", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            #expect(parts.count == 3 && parts[0] == "sluice" && parts[1] == key.id)
            #expect(parts[1].wholeMatch(of: /[0-9a-f]{12}/) != nil)
            #expect(parts[2].wholeMatch(of: /[A-Za-z0-9_-]{43}/) != nil)
            #expect(key.secretHash == Array(SHA256.hash(data: Data(parts[2].utf8))))
            #expect(try await database.key(id: key.id) == key)
            #expect(key.user == "ada" && key.isAdministrator && key.revokedAt == nil)
        }
    }

    @Test func noTwoKeysAreAlike() async throws {
        try await withDatabase { database in
            var texts: Set<String> = []
            for _ in 0..<20 { texts.insert(try await database.createKey(user: "ada", isAdministrator: false).text) }
            #expect(texts.count == 20)
            #expect(try await database.listKeys().count == 20)
        }
    }

    @Test func aRevokedKeyIsStillListed() async throws {
        try await withDatabase { database in
            let id = try await database.createKey(user: "ada", isAdministrator: false).key.id
            #expect(try await database.revokeKey(id: id))
            let revoked = try #require(try await database.key(id: id))
            #expect(revoked.revokedAt != nil)
            #expect(try await database.revokeKey(id: id))
            #expect(try await database.listKeys() == [revoked])
        }
    }

    @Test func anUnknownKeyIsNone() async throws {
        try await withDatabase { database in
            let key = try await database.key(id: "000000000000")
            #expect(key == nil)
            #expect(try await database.revokeKey(id: "000000000000") == false)
        }
    }
}
