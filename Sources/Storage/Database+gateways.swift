import Foundation
import GRDB
package import JSON
import MiddlewareKit

/// A gateway that was added at run time.
package struct StoredGateway: Sendable, Hashable {
    package let id: String
    package let name: String
    package let url: String
    package let token: String?
    package let password: String?
    /// In the words of an entry of `gateways:`; what is not there has its default.
    package let options: JSONObject

    package init(
        id: String, name: String, url: String, token: String?, password: String?, options: JSONObject = [:]
    ) {
        self.id = id
        self.name = name
        self.url = url
        self.token = token
        self.password = password
        self.options = options
    }

    fileprivate var optionsText: String { JSONValue.object(options).encoded() }
}

extension Database {
    /// Keeps a gateway, its secrets encrypted.
    ///
    /// - Throws: ``StorageFailure`` when there is one with its id.
    package func addGateway(_ gateway: StoredGateway) async throws {
        let token = try gateway.token.map(secrets.seal)
        let password = try gateway.password.map(secrets.seal)
        let now = now().milliseconds
        try await write { db in
            try db.execute(
                sql: """
                    INSERT INTO gateways (id, name, url, token, password, options, created_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [gateway.id, gateway.name, gateway.url, token, password, gateway.optionsText, now])
        }
    }

    /// Replaces a gateway that is kept under the same id. False when there is none.
    package func changeGateway(_ gateway: StoredGateway) async throws -> Bool {
        let token = try gateway.token.map(secrets.seal)
        let password = try gateway.password.map(secrets.seal)
        return try await write { db in
            try db.execute(
                sql: "UPDATE gateways SET name = ?, url = ?, token = ?, password = ?, options = ? WHERE id = ?",
                arguments: [gateway.name, gateway.url, token, password, gateway.optionsText, gateway.id])
            return db.changesCount > 0
        }
    }

    /// False when there is no such gateway.
    package func removeGateway(id: String) async throws -> Bool {
        try await write { db in
            try db.execute(sql: "DELETE FROM gateways WHERE id = ?", arguments: [id])
            return db.changesCount > 0
        }
    }

    package func gateways() async throws -> [StoredGateway] {
        let secrets = secrets
        return try await read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM gateways ORDER BY created_at, id").map { row in
                let (token, password): (Data?, Data?) = (row["token"], row["password"])
                return StoredGateway(
                    id: row["id"], name: row["name"], url: row["url"], token: try token.map(secrets.open),
                    password: try password.map(secrets.open), options: try Self.options(row["options"]))
            }
        }
    }

    private static func options(_ text: String) throws -> JSONObject {
        guard let options = try? JSONValue(parsing: text).object else {
            throw StorageFailure(reason: .damaged, description: "the options of a gateway cannot be read")
        }
        return options
    }
}
