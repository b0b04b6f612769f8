import Foundation
import GRDB
import JSON
import MiddlewareKit
import Storage
import Testing

struct GatewayTests {
    private let gateway = StoredGateway(
        id: "g1", name: "One", url: "ws://127.0.0.1:18789", token: "t0ken-value", password: "",
        options: ["approvals": "owners", "tls": ["server-name": "x"]])

    @Test func comesBackAsItWasAdded() async throws {
        let folder = try TemporaryFolder()
        let first = try folder.open()
        let plain = StoredGateway(id: "g2", name: "Two", url: "ws://127.0.0.1:1", token: nil, password: nil)
        try await first.addGateway(gateway)
        try await first.addGateway(plain)
        try first.close()
        let second = try folder.open()
        #expect(try await second.gateways() == [gateway, plain])
        #expect(try await second.removeGateway(id: "g1"))
        #expect(try await second.removeGateway(id: "g1") == false)
        #expect(try await second.gateways() == [plain])
        try second.close()
    }

    @Test func canBeChanged() async throws {
        try await withDatabase { database in
            try await database.addGateway(gateway)
            let changed = StoredGateway(id: "g1", name: "New", url: "wss://new", token: nil, password: "pw")
            #expect(try await database.changeGateway(changed))
            #expect(try await database.gateways() == [changed])
            let unknown = StoredGateway(id: "g2", name: "New", url: "wss://new", token: nil, password: nil)
            #expect(try await database.changeGateway(unknown) == false)
        }
    }

    @Test func secretsAreNotReadableInTheFiles() async throws {
        let folder = try TemporaryFolder()
        let database = try folder.open()
        try await database.addGateway(gateway)
        try database.close()
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let bytes = try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)"))
            #expect(bytes.range(of: Data("t0ken-value".utf8)) == nil)
        }
    }

    @Test func twoGatewaysCannotShareAnID() async throws {
        try await withDatabase { database in
            try await database.addGateway(gateway)
            await #expect(throws: StorageFailure.self) { try await database.addGateway(gateway) }
            #expect(try await database.gateways() == [gateway])
        }
    }

    @Test func aMissingKeyFileIsAnErrorOnceSomethingNeedsIt() async throws {
        let folder = try TemporaryFolder()
        let database = try folder.open()
        try await database.addGateway(gateway)
        try database.close()
        try FileManager.default.removeItem(atPath: folder.databasePath + ".key")
        let failure = #expect(throws: StorageFailure.self) { try folder.open() }
        #expect(failure?.description.contains("missing") == true)
        #expect(!FileManager.default.fileExists(atPath: folder.databasePath + ".key"))
        // As the README says.
        let queue = try DatabaseQueue(path: folder.databasePath)
        try await queue.write { db in
            try db.execute(
                sql: "UPDATE gateways SET token = NULL, password = NULL; DELETE FROM webhook_endpoints")
        }
        try queue.close()
        let next = try folder.open()
        #expect(try await next.gateways().map(\.token) == [nil])
        try next.close()
    }

    @Test func aKeyFileOfAnotherDatabaseIsNoticed() async throws {
        let folder = try TemporaryFolder()
        let database = try folder.open()
        try await database.addGateway(gateway)
        try database.close()
        try Data(repeating: 7, count: 32).write(to: URL(filePath: folder.databasePath + ".key"))
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600], ofItemAtPath: folder.databasePath + ".key")
        let other = try folder.open()
        let failure = await #expect(throws: StorageFailure.self) { try await other.gateways() }
        #expect(failure?.reason == .damaged)
        try other.close()
    }
}
