import Foundation
import GRDB
package import MiddlewareKit

extension Database: KeyStore {
    package func key(id: String) async throws -> StoredKey? {
        try await read { db in
            try Row.fetchOne(db.cachedStatement(sql: "SELECT * FROM keys WHERE id = ?"), arguments: [id])
                .map(StoredKey.init)
        }
    }
}

extension Database {
    /// Makes a key. Its text is returned this once; only a hash of it is kept.
    package func createKey(user: String, isAdministrator: Bool) async throws -> (text: String, key: StoredKey) {
        let new = AccessKey.random()
        let now = now().milliseconds
        let key = StoredKey(
            id: new.id, user: user, isAdministrator: isAdministrator, secretHash: new.secretHash,
            createdAt: Timestamp(milliseconds: now), revokedAt: nil)
        try await write { db in
            try db.execute(
                sql: "INSERT INTO keys (id, user, is_administrator, secret_hash, created_at) VALUES (?, ?, ?, ?, ?)",
                arguments: [key.id, user, isAdministrator, Data(new.secretHash), now])
        }
        return (new.text, key)
    }

    package func listKeys() async throws -> [StoredKey] {
        try await read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM keys ORDER BY created_at, id").map(StoredKey.init)
        }
    }

    /// False when there is no such key. Revoking twice changes nothing.
    package func revokeKey(id: String) async throws -> Bool {
        let now = now().milliseconds
        return try await write { db in
            try db.execute(
                sql: "UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", arguments: [now, id])
            return db.changesCount > 0
        }
    }
}

extension StoredKey {
    fileprivate init(row: Row) {
        let hash: Data = row["secret_hash"]
        let revokedAt: Int64? = row["revoked_at"]
        self.init(
            id: row["id"], user: row["user"], isAdministrator: row["is_administrator"], secretHash: Array(hash),
            createdAt: Timestamp(milliseconds: row["created_at"]),
            revokedAt: revokedAt.map { Timestamp(milliseconds: $0) })
    }
}
