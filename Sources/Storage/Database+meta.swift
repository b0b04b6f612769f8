import GRDB

/// Small things that the server remembers about itself and its gateways.
extension Database {
    package func remember(_ value: String, under key: String) async throws {
        try await write { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", arguments: [key, value])
        }
    }

    /// What is kept under keys that begin with `prefix`, by the rest of the key.
    package func remembered(under prefix: String) async throws -> [String: String] {
        try await read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT key, value FROM meta WHERE substr(key, 1, ?) = ?",
                arguments: [prefix.unicodeScalars.count, prefix])
            return Dictionary(rows.map { (String(($0["key"] as String).dropFirst(prefix.count)), $0["value"]) }) { $1 }
        }
    }
}
