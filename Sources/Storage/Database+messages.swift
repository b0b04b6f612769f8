import Foundation
import GRDB
package import MiddlewareKit

extension Database: MessageStore {
    @discardableResult
    package func store(_ record: MessageRecord, rows: [OutboxRow]) async throws -> Int64 {
        let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        return try await writer.store(record, rows: rows, now: now)
    }
}

/// A page of a session's messages, ready to be sent.
package struct MessagePage: Sendable, Hashable {
    /// A JSON array of messages, oldest first.
    package let json: String
    /// Where the page before this one ends; nil when there is none.
    package let before: Int64?
}

extension Database {
    /// The newest `limit` messages with an id below `before`; an empty page for an unknown session.
    ///
    /// SQLite writes the JSON: the content is stored as JSON and goes out as it is.
    package func messages(gateway: String, sessionKey: String, limit: Int, before: Int64?) async throws -> MessagePage {
        try await read { db in
            let row = try Row.fetchOne(
                db.cachedStatement(sql: Self.pageQuery),
                arguments: [gateway, sessionKey, before ?? .max, limit, limit])
            return MessagePage(json: row?[0] ?? "[]", before: row?[1])
        }
    }

    private static let pageQuery = """
        WITH
        session(id) AS (SELECT id FROM sessions WHERE gateway_id = ? AND session_key = ?),
        page AS (
            SELECT * FROM messages WHERE session_id = (SELECT id FROM session) AND id < ? ORDER BY id DESC LIMIT ?
        )
        SELECT
            '[' || coalesce(json, '') || ']',
            CASE WHEN count = ? AND EXISTS (
                SELECT 1 FROM messages WHERE session_id = (SELECT id FROM session) AND id < first
            ) THEN first END
        FROM (
            SELECT
                count(*) AS count, min(id) AS first,
                group_concat(
                    '{"id":' || id || ',"session_id":' || session_id || ',"role":"' || role || '","content":' || content
                    || ',"state":"' || state || '","run_id":' || json_quote(run_id)
                    || CASE WHEN error IS NULL THEN '' ELSE ',"error":' || json_quote(error) END
                    || CASE WHEN usage IS NULL THEN '' ELSE ',"usage":' || usage END
                    || ',"timestamp":' || timestamp || ',"created_at":"'
                    || strftime('%Y-%m-%dT%H:%M:%S', created_at / 1000, 'unixepoch')
                    || printf('.%03dZ"}', created_at % 1000), ',') AS json
            FROM (SELECT * FROM page ORDER BY id)
        )
        """
}
