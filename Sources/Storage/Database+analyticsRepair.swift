package import Analytics
import Foundation
import GRDB
import JSON
package import MiddlewareKit
import NIOCore

extension Storage.Database {
    /// Messages are stored nearly in the order of their times. After so many older ones no newer one is looked for.
    private static let olderInARow = 1000

    package func newestMessages(before time: Timestamp) async throws -> [CountedMessage] {
        // Where nothing was ever written, counting begins now.
        try await write { db in
            try db.execute(
                sql: """
                    INSERT INTO analytics_progress (id, counted_until, recent) VALUES (1, ?, x'') ON CONFLICT DO NOTHING
                    """, arguments: [time.milliseconds])
        }
        return try await read { db in
            guard let progress = try Row.fetchOne(db, sql: "SELECT counted_until, recent FROM analytics_progress")
            else {
                return []
            }
            let countedUntil: Int64 = progress["counted_until"]
            let since = countedUntil - AnalyticsRecorder.overlap.wholeMilliseconds
            let counted = Self.names(progress["recent"])
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT gateway_id, session_key, owner, messages.agent_id, role, state, run_id, content, usage,
                           messages.created_at,
                           (SELECT content FROM messages AS asked
                            WHERE asked.session_id = messages.session_id AND asked.run_id = messages.run_id
                              AND asked.role = 'user' AND messages.role = 'assistant') AS asked
                    FROM messages JOIN sessions ON sessions.id = session_id
                    WHERE run_id IS NOT NULL ORDER BY messages.id DESC
                    """)
            var found: [CountedMessage] = []
            var older = 0
            while older < Self.olderInARow, let row = try rows.next() {
                let storedAt: Int64 = row["created_at"]
                guard storedAt >= since else {
                    older += 1
                    continue
                }
                older = 0
                // What others wrote to the gateway, and what came from its history, no stage counts.
                let (run, isMine): (String, Bool) = (row["run_id"], storedAt < time.milliseconds)
                if isMine, !RunName.isForeign(run) { found.append(CountedMessage(row, counted: counted)) }
            }
            return found
        }
    }

    private static func names(_ data: Data) -> Set<UInt64> {
        let bytes = Array(data)
        return Set(
            stride(from: 0, to: bytes.count - bytes.count % 8, by: 8).map { start in
                (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[start + $1]) << ($1 * 8) }
            })
    }
}

extension CountedMessage {
    /// What can be told of a stored message: its times and its model are not stored.
    fileprivate init(_ row: Row, counted: Set<UInt64>) {
        let (gateway, session, run): (String, String, String) = (row["gateway_id"], row["session_key"], row["run_id"])
        let (roleName, state, content): (String, String, String) = (row["role"], row["state"], row["content"])
        let usage: String? = row["usage"]
        let role = MessageRecord.Role(rawValue: roleName) ?? .system
        let characters = storedText(ofContent: content).characterCount
        let asked = (row["asked"] as String?).map { storedText(ofContent: $0).characterCount }

        var figures = AnalyticsFigures()
        figures.sessions.insert(stableHash(gateway, session))
        switch role {
        case .user:
            figures.messagesIn = 1
            figures.charactersIn = characters
        case .assistant:
            figures.charactersOut = characters
            if state == MessageRecord.State.aborted.rawValue { figures.aborted = 1 }
            if state == MessageRecord.State.failed.rawValue { figures.addError("unknown") }
            if state == MessageRecord.State.complete.rawValue || characters > 0 {
                figures.messagesOut = 1
                figures.add(usage.flatMap(Usage.init(stored:)), asked: asked, answered: characters)
            }
        case .system: break
        }
        let name = CountedMessage.name(gateway: gateway, sessionKey: session, runID: run, role: role)
        self.init(
            storedAt: Timestamp(milliseconds: row["created_at"]), name: name, isCounted: counted.contains(name),
            key: AnalyticsKey(gateway: gateway, agent: row["agent_id"], user: row["owner"]), figures: figures)
    }
}
