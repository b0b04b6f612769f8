import Foundation
import GRDB
package import MiddlewareKit
import Synchronization

/// Endpoints that were added at run time. Their settings hold secrets, so they are encrypted.
extension Database {
    package var endpointGeneration: Int { endpointChanges.load(ordering: .acquiring) }

    func noteEndpointChange() {
        endpointChanges.add(1, ordering: .releasing)
        changes.fire()
    }

    package func stagesWithAddedEndpoints() async throws -> [String] {
        try await read { db in
            try String.fetchAll(db, sql: "SELECT DISTINCT stage FROM webhook_endpoints ORDER BY stage")
        }
    }

    package func addedEndpoints(stage: String) async throws -> [(name: String, settings: String)] {
        let secrets = secrets
        return try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT name, settings FROM webhook_endpoints WHERE stage = ? ORDER BY created_at, name",
                arguments: [stage]
            ).map { row in
                let sealed: Data = row["settings"]
                return (name: row["name"], settings: try secrets.open(sealed))
            }
        }
    }

    package func addEndpoint(stage: String, name: String, settings: String, now: Timestamp) async throws -> Bool {
        let sealed = try secrets.seal(settings)
        let isNew = try await write { db in
            try db.execute(
                sql: """
                    INSERT INTO webhook_endpoints (stage, name, settings, created_at) VALUES (?, ?, ?, ?)
                    ON CONFLICT DO NOTHING
                    """, arguments: [stage, name, sealed, now.milliseconds])
            let isNew = db.changesCount == 1
            if isNew {
                // It may be somebody else, who has the name by chance.
                try Self.abandon(stage, name, "the endpoint was replaced", now: now, db)
                try Self.noteEnabled(stage, name, now: now, db)
            }
            return isNew
        }
        noteEndpointChange()
        return isNew
    }

    package func changeEndpoint(stage: String, name: String, settings: String, now: Timestamp) async throws -> Bool {
        let sealed = try secrets.seal(settings)
        let isKnown = try await write { db in
            try db.execute(
                sql: "UPDATE webhook_endpoints SET settings = ? WHERE stage = ? AND name = ?",
                arguments: [sealed, stage, name])
            let isKnown = db.changesCount == 1
            if isKnown { try Self.noteEnabled(stage, name, now: now, db) }
            return isKnown
        }
        noteEndpointChange()
        return isKnown
    }

    package func removeEndpoint(stage: String, name: String, now: Timestamp) async throws -> Bool {
        let isRemoved = try await write { db in
            try db.execute(
                sql: "DELETE FROM webhook_endpoints WHERE stage = ? AND name = ?", arguments: [stage, name])
            let isRemoved = db.changesCount == 1
            if isRemoved {
                try Self.abandon(stage, name, "the endpoint was removed", now: now, db)
                try db.execute(
                    sql: "DELETE FROM meta WHERE key = ?", arguments: [Self.enabledKey(stage: stage) + name])
            }
            return isRemoved
        }
        noteEndpointChange()
        return isRemoved
    }

    package func goneEndpoints(stage: String) async throws -> [(name: String, address: String)] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT endpoint, address FROM webhook_gone WHERE stage = ?", arguments: [stage]
            ).map { (name: $0["endpoint"], address: $0["address"]) }
        }
    }

    package func setGone(stage: String, endpoint: String, address: String, now: Timestamp) async throws {
        try await write { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO webhook_gone (stage, endpoint, address, at) VALUES (?, ?, ?, ?)",
                arguments: [stage, endpoint, address, now.milliseconds])
        }
        noteEndpointChange()
    }

    package func enableEndpoint(stage: String, name: String, now: Timestamp) async throws {
        try await write { db in
            try db.execute(
                sql: "DELETE FROM webhook_gone WHERE stage = ? AND endpoint = ?", arguments: [stage, name])
            try Self.noteEnabled(stage, name, now: now, db)
        }
        noteEndpointChange()
    }

    private static func noteEnabled(_ stage: String, _ name: String, now: Timestamp, _ db: GRDB.Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
            arguments: [Self.enabledKey(stage: stage) + name, "\(now.milliseconds)"])
        try hasten(stage, endpoint: name, now: now, db)
    }

    package func enabledEndpoints(stage: String) async throws -> [String: Timestamp] {
        try await remembered(under: Self.enabledKey(stage: stage)).compactMapValues {
            Int64($0).map(Timestamp.init(milliseconds:))
        }
    }

    /// What the name of an endpoint follows in `meta`. Names of stages hold no slash.
    static func enabledKey(stage: String) -> String { "webhook-enabled/\(stage)/" }
}
