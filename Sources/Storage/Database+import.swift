import GRDB
import JSON
package import MiddlewareKit
import NIOCore

extension Database {
    /// How many of a session's messages a gateway's history is compared with.
    private static let comparedMessages = 1000

    /// Those messages of a gateway's history of which it cannot be told that they are stored: their words are not, as the gateway
    /// has them, and the stages did not meet them when the history was compared before.
    ///
    /// - Parameter records: Of one session, oldest first.
    package func missing(
        _ records: [MessageRecord], gateway: String, sessionKey: String
    ) async throws -> [MessageRecord] {
        guard !records.isEmpty else { return [] }
        return try await read { db in
            var merge = try Self.merge(gateway, sessionKey, db)
            return merge.missing(records)
        }
    }

    /// Stores those messages of a gateway's history that are not stored yet, at their own times, without rows for stages.
    ///
    /// - Parameters:
    ///   - records: Of one session, oldest first.
    ///   - met: The run ids of answers that went through the stages for it. They need not do so again.
    /// - Returns: What was new.
    package func importHistory(
        _ records: [MessageRecord], met: [String], gateway: String, sessionKey: String
    ) async throws -> [MessageRecord] {
        guard !records.isEmpty || !met.isEmpty else { return [] }
        let writer = writer
        let new: [MessageRecord]
        do {
            new = try await write { db in
                var merge = try Self.merge(gateway, sessionKey, db)
                let missing = merge.missing(records)
                for record in missing { try writer.importOne(record, db) }
                try Self.remember(Set(met).subtracting(missing.map(\.runID)), gateway, sessionKey, db)
                return missing
            }
        } catch {
            // A session that was made in the transaction is gone.
            writer.forgetSessions()
            throw error
        }
        if !new.isEmpty { pages.forget() }
        return new
    }

    private static func merge(_ gateway: String, _ sessionKey: String, _ db: GRDB.Database) throws -> HistoryMerge {
        let met = try String.fetchSet(
            db,
            sql: """
                SELECT run_id FROM met_answers
                WHERE session_id = (SELECT id FROM sessions WHERE gateway_id = ? AND session_key = ?)
                """, arguments: [gateway, sessionKey])
        return HistoryMerge(stored: try newest(comparedMessages, gateway, sessionKey, db), met: met)
    }

    private static func remember(
        _ met: Set<String>, _ gateway: String, _ sessionKey: String, _ db: GRDB.Database
    ) throws {
        for runID in met {
            try db.execute(
                sql: """
                    INSERT OR IGNORE INTO met_answers (session_id, run_id)
                    SELECT id, ? FROM sessions WHERE gateway_id = ? AND session_key = ?
                    """, arguments: [runID, gateway, sessionKey])
        }
        guard !met.isEmpty else { return }
        // Only the newest messages of a session are compared.
        try db.execute(
            sql: """
                DELETE FROM met_answers WHERE id IN (
                    SELECT id FROM met_answers
                    WHERE session_id = (SELECT id FROM sessions WHERE gateway_id = ? AND session_key = ?)
                    ORDER BY id DESC LIMIT -1 OFFSET ?)
                """, arguments: [gateway, sessionKey, comparedMessages])
    }

    private static func newest(
        _ limit: Int, _ gateway: String, _ sessionKey: String, _ db: GRDB.Database
    ) throws -> [HistoryMerge.Stored] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT role, content, run_id, created_at, timestamp, error_kind FROM messages
                WHERE session_id = (SELECT id FROM sessions WHERE gateway_id = ? AND session_key = ?)
                ORDER BY created_at DESC, id DESC LIMIT ?
                """, arguments: [gateway, sessionKey, limit]
        )
        var ends: [String: Timestamp] = [:]
        var undelivered: Set<String> = []
        for row in rows where row["role"] == "assistant" {
            guard let run: String = row["run_id"] else { continue }
            ends[run] = Timestamp(milliseconds: row["created_at"])
            let error: String? = row["error_kind"]
            if let error, ["undelivered", "gateway_unavailable"].contains(error) { undelivered.insert(run) }
        }
        return rows.reversed().compactMap { row in
            MessageRecord.Role(rawValue: row["role"]).map { role in
                var stored = HistoryMerge.Stored(
                    role: role, text: storedText(ofContent: row["content"]),
                    times: ["created_at", "timestamp"].map { Timestamp(milliseconds: row[$0]) })
                let run: String? = row["run_id"]
                stored.runID = run
                stored.isOurs = role == .user && run.map { !RunName.isForeign($0) } ?? false
                guard stored.isOurs, let run else { return stored }
                stored.isUndelivered = undelivered.contains(run)
                if let end = ends[run] { stored.times.append(end) } else { stored.isUnanswered = true }
                return stored
            }
        }
    }

    /// Takes over what a gateway says of its sessions: they are made when they are not there, and belong to nobody then. One that
    /// was deleted comes back only when something was said in it since. A title that was given here stays.
    package func noteSessions(_ notes: [SessionNote], gateway: String) async throws {
        guard !notes.isEmpty else { return }
        let now = now().milliseconds
        try await write { db in
            for note in notes {
                let time = note.lastActivity?.milliseconds
                try db.cachedStatement(
                    sql: """
                        INSERT INTO sessions
                        (gateway_id, session_key, title, agent_id, model, created_at, last_activity)
                        SELECT ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (
                            SELECT 1 FROM deleted_sessions
                            WHERE gateway_id = ? AND session_key = ? AND deleted_at >= coalesce(?, 0))
                        ON CONFLICT (gateway_id, session_key) DO UPDATE SET
                        title = CASE WHEN has_own_title THEN title ELSE coalesce(excluded.title, title) END,
                        model = coalesce(excluded.model, model),
                        last_activity = max(last_activity, coalesce(?, 0))
                        """
                ).execute(
                    arguments: StatementArguments(
                        [
                            gateway, note.key, note.title, note.agent, note.model, time ?? now, time ?? now,
                            gateway, note.key, time, time,
                        ] as [(any DatabaseValueConvertible)?]))
            }
        }
    }
}

/// What a gateway says of a session.
package struct SessionNote: Sendable, Hashable {
    /// Canonical.
    package var key: String
    package var title: String?
    package var agent: String?
    package var model: String?
    package var lastActivity: Timestamp?

    package init(key: String, title: String?, agent: String?, model: String?, lastActivity: Timestamp?) {
        self.key = key
        self.title = title
        self.agent = agent
        self.model = model
        self.lastActivity = lastActivity
    }
}

/// The text blocks of a stored `content`, joined.
func storedText(ofContent json: String) -> String {
    let blocks = (try? JSONValue(parsing: ByteBuffer(string: json)))?.array ?? []
    return blocks.compactMap { $0["type"] == "text" ? $0["text"]?.string : nil }.joined()
}

/// What stands beside the text in a stored `content`.
func storedBlocks(ofContent json: String) -> [ContentBlock] {
    let blocks = (try? JSONValue(parsing: ByteBuffer(string: json)))?.array ?? []
    return blocks.filter { $0["type"] != "text" }.map { .other(json: $0.encoded()) }
}
