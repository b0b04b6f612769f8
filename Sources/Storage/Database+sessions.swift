import GRDB
package import MiddlewareKit

/// A session as it is kept.
package struct StoredSession: Sendable, Hashable {
    package let id: Int64
    package let gateway: String
    /// The canonical session key.
    package let key: String
    package let title: String?
    package let agent: String?
    package let model: String?
    /// Nil: it was started elsewhere, or while nobody was asked for a name.
    package let owner: String?
    package let createdAt: Timestamp
    package let lastActivity: Timestamp

    init(row: Row) {
        id = row["id"]
        gateway = row["gateway_id"]
        key = row["session_key"]
        title = row["title"]
        agent = row["agent_id"]
        model = row["model"]
        owner = row["owner"]
        createdAt = Timestamp(milliseconds: row["created_at"])
        lastActivity = Timestamp(milliseconds: row["last_activity"])
    }
}

extension Database {
    /// The sessions that a user may see, newest activity first: the user's own, for administrators also those of nobody,
    /// and all where nobody was asked for a name.
    ///
    /// - Parameter before: The id of the last session of the page before this one.
    package func sessions(
        gateway: String, visibleTo principal: Principal, limit: Int, before: Int64? = nil
    ) async throws -> [StoredSession] {
        try await read { db in
            let (visible, owner) = Self.visibleSessions(to: principal)
            let before: (condition: String, arguments: StatementArguments) =
                before.map {
                    ("AND (last_activity, id) < (SELECT last_activity, id FROM sessions WHERE id = ?)", [$0])
                } ?? ("", [])
            return try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM sessions WHERE gateway_id = ? AND \(visible) \(before.condition)
                    ORDER BY last_activity DESC, id DESC LIMIT ?
                    """,
                arguments: [gateway] + owner + before.arguments + [limit]
            ).map(StoredSession.init)
        }
    }

    /// A condition on `sessions` that holds for those that a user may see.
    static func visibleSessions(to principal: Principal) -> (condition: String, arguments: StatementArguments) {
        if principal == .anonymous { return ("1", []) }
        return (principal.isAdministrator ? "(owner = ? OR owner IS NULL)" : "owner = ?", [principal.user])
    }

    package func session(gateway: String, key: String) async throws -> StoredSession? {
        try await read { db in try Self.session(gateway, key, db) }
    }

    /// Makes a session; one that is there already is returned as it is.
    package func createSession(
        gateway: String, key: String, title: String?, agent: String?, model: String?, owner: String?
    ) async throws -> StoredSession {
        let now = now().milliseconds
        return try await write { db in
            try db.execute(
                sql: """
                    INSERT INTO sessions
                    (gateway_id, session_key, title, has_own_title, agent_id, model, owner, created_at, last_activity)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                    """, arguments: [gateway, key, title, title != nil, agent, model, owner, now, now])
            guard let session = try Self.session(gateway, key, db) else {
                throw StorageFailure(reason: .other, description: "the session could not be made")
            }
            return session
        }
    }

    /// Gives a session another title, or none: then the gateway's is shown.
    package func setTitle(_ title: String?, gateway: String, key: String) async throws {
        try await write { db in
            try db.execute(
                sql: "UPDATE sessions SET title = ?, has_own_title = ? WHERE gateway_id = ? AND session_key = ?",
                arguments: [title, title != nil, gateway, key])
        }
    }

    /// Nil: the gateway's default.
    package func setModel(_ model: String?, gateway: String, key: String) async throws {
        try await write { db in
            try db.execute(
                sql: "UPDATE sessions SET model = ? WHERE gateway_id = ? AND session_key = ?",
                arguments: [model, gateway, key])
        }
    }

    /// Deletes a session with its messages; false when there is none. What the gateway said in it up to now is not
    /// imported again.
    ///
    /// - Parameter keepsOwner: The gateway goes on with the session, so that its key stays the owner's.
    package func deleteSession(gateway: String, key: String, keepsOwner: Bool = true) async throws -> Bool {
        let writer = writer
        let now = now().milliseconds
        let isDeleted = try await write { db in
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO deleted_sessions (gateway_id, session_key, deleted_at, owner)
                    VALUES (?, ?, ?, (SELECT owner FROM sessions WHERE gateway_id = ? AND session_key = ? AND ?))
                    """, arguments: [gateway, key, now, gateway, key, keepsOwner])
            try db.execute(
                sql: "DELETE FROM sessions WHERE gateway_id = ? AND session_key = ?", arguments: [gateway, key])
            writer.forgetSessions()
            return db.changesCount > 0
        }
        pages.forget()
        return isDeleted
    }

    /// When a session of this name was deleted last.
    package func deletionTime(gateway: String, key: String) async throws -> Timestamp? {
        try await read { db in
            try Int64.fetchOne(
                db, sql: "SELECT deleted_at FROM deleted_sessions WHERE gateway_id = ? AND session_key = ?",
                arguments: [gateway, key]
            ).map(Timestamp.init(milliseconds:))
        }
    }

    /// To whom a deleted session belonged that the gateway goes on with.
    package func formerOwner(gateway: String, key: String) async throws -> String? {
        try await read { db in
            try String.fetchOne(
                db, sql: "SELECT owner FROM deleted_sessions WHERE gateway_id = ? AND session_key = ?",
                arguments: [gateway, key])
        }
    }

    private static func session(_ gateway: String, _ key: String, _ db: GRDB.Database) throws -> StoredSession? {
        try Row.fetchOne(
            db.cachedStatement(sql: "SELECT * FROM sessions WHERE gateway_id = ? AND session_key = ?"),
            arguments: [gateway, key]
        ).map(StoredSession.init)
    }
}
