import Foundation
import GRDB

/// A token that a gateway issued to this server.
package struct StoredDeviceToken: Sendable, Hashable {
    package let gatewayID: String
    /// Where the gateway was; one at another address must not see the token.
    package let url: String
    /// Of the device key that the token belongs to.
    package let deviceID: String
    package let token: String
    package let role: String
    package let scopes: [String]

    package init(gatewayID: String, url: String, deviceID: String, token: String, role: String, scopes: [String]) {
        self.gatewayID = gatewayID
        self.url = url
        self.deviceID = deviceID
        self.token = token
        self.role = role
        self.scopes = scopes
    }
}

extension Database {
    /// All of them. One that cannot be decrypted is left out: its gateway issues another.
    package func deviceTokens() async throws -> [StoredDeviceToken] {
        let secrets = secrets
        return try await read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM device_tokens").compactMap { StoredDeviceToken($0, secrets) }
        }
    }

    /// Keeps it encrypted, in place of an earlier one of the gateway.
    package func keepDeviceToken(_ new: StoredDeviceToken) async throws {
        let sealed = try secrets.seal(new.token)
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        try await write { db in
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO device_tokens (gateway_id, url, device_id, token, role, scopes, issued_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    new.gatewayID, new.url, new.deviceID, sealed, new.role, new.scopes.joined(separator: ","), now,
                ])
        }
    }

    /// - Parameter token: Nil: whichever it is.
    /// - Returns: Another one that is kept for the gateway, and stays.
    @discardableResult
    package func forgetDeviceToken(_ token: String? = nil, gatewayID: String) async throws -> StoredDeviceToken? {
        let secrets = secrets
        return try await write { db in
            let row = try Row.fetchOne(
                db, sql: "SELECT * FROM device_tokens WHERE gateway_id = ?", arguments: [gatewayID])
            if let token, let kept = row.flatMap({ StoredDeviceToken($0, secrets) }), kept.token != token {
                return kept
            }
            try db.execute(sql: "DELETE FROM device_tokens WHERE gateway_id = ?", arguments: [gatewayID])
            return nil
        }
    }
}

extension StoredDeviceToken {
    /// Nil when it cannot be decrypted.
    fileprivate init?(_ row: Row, _ secrets: SecretBox) {
        guard let token = try? secrets.open(row["token"]) else { return nil }
        let scopes: String = row["scopes"]
        self.init(
            gatewayID: row["gateway_id"], url: row["url"], deviceID: row["device_id"], token: token,
            role: row["role"], scopes: scopes.split(separator: ",").map(String.init))
    }
}
