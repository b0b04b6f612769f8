import Foundation
import GRDB
package import MiddlewareKit

/// A user's message of which no answer is stored, nor that there is none.
package struct UnfinishedRun: Sendable, Hashable {
    package let gateway: String
    package let sessionKey: String
    package let owner: String?
    package let runID: String
    package let text: String
    /// Where the message went instead of to the session's gateway.
    package let route: MessageRoute?
    /// When the message came.
    package let sentAt: Timestamp
}

/// How a run ended, as it is stored: with a whole answer, a stopped one, or what it had said when it failed.
package struct StoredEnd: Sendable, Hashable {
    package let text: String
    package let blocks: [ContentBlock]
    package let usage: Usage?
    package let timestamp: Timestamp
    package let state: MessageRecord.State
}

extension StoredEnd {
    fileprivate init(_ row: Row) {
        self.init(
            text: storedText(ofContent: row["content"]), blocks: storedBlocks(ofContent: row["content"]),
            usage: (row["usage"] as String?).flatMap(Usage.init(stored:)),
            timestamp: Timestamp(milliseconds: row["timestamp"]),
            state: MessageRecord.State(rawValue: row["state"]) ?? .failed)
    }
}

extension UnfinishedRun {
    fileprivate init(_ row: Row) {
        self.init(
            gateway: row["gateway_id"], sessionKey: row["session_key"], owner: row["owner"],
            runID: row["run_id"], text: storedText(ofContent: row["content"]),
            route: (row["route_gateway"] as String?).map { MessageRoute(gateway: $0, agent: row["route_agent"]) },
            sentAt: Timestamp(milliseconds: row["created_at"]))
    }
}

extension Database {
    /// Columns of ``UnfinishedRun``, of a message `m` and its session `s`.
    private static let runColumns = """
        s.gateway_id, s.session_key, s.owner, m.run_id, m.content, m.created_at, m.route_gateway, m.route_agent
        """

    /// Whether nothing says how the run of a user's message `m` ended. Only the newest messages are looked at.
    private static let isUnanswered = """
        m.id > (SELECT coalesce(max(id), 0) FROM messages) - 20000
        AND m.role = 'user' AND m.state = 'complete'
        AND m.run_id IS NOT NULL AND m.run_id NOT LIKE 'message:%' AND m.run_id NOT LIKE 'history:%'
        AND NOT EXISTS (SELECT 1 FROM messages a
            WHERE a.session_id = m.session_id AND a.run_id = m.run_id AND a.role = 'assistant')
        """

    /// What a stop or a crash of the server left without an answer, oldest first; at most the newest thousand.
    package func unfinishedRuns(since: Timestamp) async throws -> [UnfinishedRun] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT \(Self.runColumns) FROM messages m JOIN sessions s ON s.id = m.session_id
                    WHERE \(Self.isUnanswered) AND m.created_at >= ?
                    ORDER BY m.id DESC LIMIT 1000
                    """, arguments: [since.milliseconds]
            ).reversed().map(UnfinishedRun.init)
        }
    }

    /// Notes that messages which are older, and of which nothing says how they ended, will not be answered any more.
    ///
    /// - Returns: How many there were.
    package func markUnanswered(before: Timestamp) async throws -> Int {
        let count = try await write { db in
            try db.execute(
                sql: "UPDATE messages AS m SET state = 'unanswered' WHERE \(Self.isUnanswered) AND m.created_at < ?",
                arguments: [before.milliseconds])
            return db.changesCount
        }
        if count > 0 { pages.forget() }
        return count
    }

    /// Messages with the same words as that of a run, in the same session, whose answers are stored; the newest hundred.
    package func answeredTwins(of run: UnfinishedRun) async throws -> [(runID: String, sentAt: Timestamp)] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT m.run_id, m.created_at FROM sessions s
                    JOIN messages own ON own.session_id = s.id AND own.run_id = ? AND own.role = 'user'
                    JOIN messages m ON m.session_id = s.id AND m.role = 'user' AND m.content = own.content
                    JOIN messages a ON a.session_id = s.id AND a.run_id = m.run_id AND a.role = 'assistant'
                    WHERE s.gateway_id = ? AND s.session_key = ? AND m.id <> own.id AND a.state IN ('complete', 'aborted')
                    ORDER BY m.created_at DESC LIMIT 100
                    """, arguments: [run.runID, run.gateway, run.sessionKey]
            ).map { ($0["run_id"], Timestamp(milliseconds: $0["created_at"])) }
        }
    }

    /// Whether a run that has no answer in this session is one of another session of the gateway. Only the newest messages
    /// are looked at.
    package func isRunElsewhere(_ runID: String, gateway: String, sessionKey: String) async throws -> Bool {
        try await read { db in
            let sessions = try Row.fetchAll(
                db,
                sql: """
                    SELECT s.session_key, m.role FROM messages m JOIN sessions s ON s.id = m.session_id
                    WHERE m.id > (SELECT coalesce(max(id), 0) FROM messages) - 20000 AND m.run_id = ? AND s.gateway_id = ?
                    """, arguments: [runID, gateway])
            return sessions.contains { $0["session_key"] != sessionKey }
                && !sessions.contains { $0["session_key"] == sessionKey && $0["role"] == "assistant" }
        }
    }

    /// How a run ended; nil when nothing is stored of that.
    package func end(ofRun runID: String, gateway: String, sessionKey: String) async throws -> StoredEnd? {
        try await read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT m.content, m.usage, m.timestamp, m.state
                    FROM messages m JOIN sessions s ON s.id = m.session_id
                    WHERE s.gateway_id = ? AND s.session_key = ? AND m.run_id = ? AND m.role = 'assistant'
                    """, arguments: [gateway, sessionKey, runID]
            ).map(StoredEnd.init)
        }
    }

    /// Whether a user's message came that was stored already, since this was last asked, and with which words.
    package func takeRepeat(of runID: String, gateway: String, sessionKey: String) -> MessageRepeat? {
        writer.takeRepeat(of: runID, gateway: gateway, sessionKey: sessionKey)
    }

    /// Messages of a session whose answers were given up because the gateway could not be asked, or told only a part; the
    /// newest ten.
    package func lostRuns(gateway: String, sessionKey: String) async throws -> [UnfinishedRun] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT \(Self.runColumns)
                    FROM sessions s JOIN messages a ON a.session_id = s.id
                    JOIN messages m ON m.session_id = s.id AND m.run_id = a.run_id AND m.role = 'user'
                    WHERE s.gateway_id = ? AND s.session_key = ? AND a.role = 'assistant' AND a.state = 'failed'
                    AND a.error_kind IN ('gateway_lost', 'undelivered', 'truncated')
                    ORDER BY a.created_at DESC LIMIT 10
                    """, arguments: [gateway, sessionKey]
            ).reversed().map(UnfinishedRun.init)
        }
    }
}

/// What stands as run id of messages that no run of ours brought.
package enum RunName {
    /// Told by the gateway while it was connected.
    package static func message(_ id: String) -> String { "message:" + id }
    /// Taken from the gateway's history.
    package static func history(_ id: String) -> String { "history:" + id }

    /// Whether a run id is such a name.
    package static func isForeign(_ name: String) -> Bool { name.hasPrefix("message:") || name.hasPrefix("history:") }
}
