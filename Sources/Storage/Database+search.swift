import GRDB
package import MiddlewareKit

/// A message in which something was found.
package struct FoundMessage: Sendable, Hashable {
    package let id: Int64
    package let gateway: String
    package let sessionKey: String
    package let title: String?
    package let role: String
    /// What was said, without what is no text.
    package let text: String
    package let createdAt: Timestamp
}

/// A page of what was found.
package struct SearchPage: Sendable, Hashable {
    /// Newest first.
    package let messages: [FoundMessage]
    /// Where to go on: below this id nothing was looked at. Nil: nothing is left.
    package let before: Int64?
}

extension Database {
    /// How many messages one search looks at, so that it is over soon whatever the size of the database.
    package static let searchedMessages = 20_000

    /// Looks for a text in the messages that a user may see, from the newest one backwards. Capital letters of ASCII count as
    /// small ones.
    ///
    /// There is no index of words: it would cost more with every message than searches are worth. A search reads messages
    /// one by one, and stops after a number of them.
    ///
    /// - Parameters:
    ///   - gateway: Nil: all.
    ///   - before: Where the page before this one ended.
    package func search(
        _ text: String, gateway: String?, visibleTo principal: Principal, limit: Int, before: Int64?,
        searching count: Int = Database.searchedMessages
    ) async throws -> SearchPage {
        try await read { db in
            let (visible, owner) = Self.visibleSessions(to: principal)
            let start = before ?? .max
            // The oldest of those that are looked at.
            let last = try Int64.fetchOne(
                db, sql: "SELECT id FROM messages WHERE id < ? ORDER BY id DESC LIMIT 1 OFFSET ?",
                arguments: [start, count - 1])
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT m.id, s.gateway_id, s.session_key, s.title, m.role, m.created_at, (
                        SELECT group_concat(b.value ->> 'text', char(10)) FROM json_each(m.content) b
                        WHERE b.value ->> 'type' = 'text'
                    ) AS text
                    FROM messages m CROSS JOIN sessions s ON s.id = m.session_id
                    WHERE m.id < ? AND m.id >= ? AND (? IS NULL OR s.gateway_id = ?) AND \(visible)
                    AND text LIKE ? ESCAPE '\\'
                    ORDER BY m.id DESC LIMIT ?
                    """,
                arguments: [start, last ?? 0, gateway, gateway] + owner + [Self.pattern(of: text), limit + 1])
            let found = rows.prefix(limit).map(FoundMessage.init)
            return SearchPage(messages: found, before: rows.count > limit ? found.last?.id : last)
        }
    }

    private static func pattern(of text: String) -> String {
        let escaped = text.map { "%_\\".contains($0) ? "\\\($0)" : String($0) }.joined()
        return "%\(escaped)%"
    }
}

extension FoundMessage {
    fileprivate init(row: Row) {
        id = row["id"]
        gateway = row["gateway_id"]
        sessionKey = row["session_key"]
        title = row["title"]
        role = row["role"]
        text = row["text"]
        createdAt = Timestamp(milliseconds: row["created_at"])
    }
}
