import GRDB
import JSON
package import MiddlewareKit
package import NIOCore

extension Database: MessageStore {
    @discardableResult
    package func store(_ record: MessageRecord, rows: [OutboxRow]) async throws -> Int64 {
        try await writer.store(record, rows: rows, now: now())
    }

    package func markUnanswered(gateway: String, sessionKey: String, runID: String) async throws {
        try await write { db in
            try db.execute(
                sql: """
                    UPDATE messages SET state = 'unanswered' WHERE run_id = ? AND role = 'user' AND session_id =
                    (SELECT id FROM sessions WHERE gateway_id = ? AND session_key = ?)
                    """, arguments: [runID, gateway, sessionKey])
        }
        pages.forget()
    }
}

/// A page of a session's messages, ready to be sent.
package struct MessagePage: Sendable, Hashable {
    /// A JSON array of messages, oldest first.
    package let json: ByteBuffer
    /// Where the page before this one ends; nil when there is none.
    package let before: Int64?
}

extension Database {
    /// The newest `limit` messages before the one with the id `before`; an empty page for an unknown session.
    ///
    /// The content is stored as JSON and goes out as it is.
    package func messages(gateway: String, sessionKey: String, limit: Int, before: Int64?) async throws -> MessagePage {
        let key = PageCache.Key(gateway: gateway, sessionKey: sessionKey, limit: limit)
        if before == nil, let page = pages[key] { return page }
        let version = pages.version
        let page = try await read { db in
            try Self.page(gateway, sessionKey, limit: limit, before: Self.place(of: before, db), db)
        }
        if before == nil { pages.keep(page, for: key, version: version) }
        return page
    }

    /// The oldest `limit` messages behind a place, oldest first: for reading a session from its beginning.
    ///
    /// - Parameter after: Nil: from the beginning.
    package func messages(
        gateway: String, sessionKey: String, limit: Int, after: MessagePlace?
    ) async throws -> (json: ByteBuffer, last: MessagePlace?) {
        try await read { db in
            let statement = try db.cachedStatement(sql: Self.forwardQuery)
            let after = after ?? MessagePlace(time: .min, id: .min)
            statement.arguments = [gateway, sessionKey, after.time, after.id, limit]
            let rows = StatementRows(statement.sqliteStatement)
            defer { rows.end() }
            var (json, last) = (ByteBuffer(), MessagePlace?.none)
            json.writeStaticString("[")
            while try rows.next() {
                if last != nil { json.writeStaticString(",") }
                last = MessagePlace(time: rows.integer(9), id: rows.integer(0))
                json.writeMessage(rows)
            }
            json.writeStaticString("]")
            return (json, last)
        }
    }

    /// Where a message stands in the order of pages: by time, and by id among those of the same millisecond.
    package struct MessagePlace: Sendable, Hashable {
        var time: Int64
        var id: Int64
    }

    private static func place(of id: Int64?, _ db: GRDB.Database) throws -> MessagePlace {
        guard let id else { return MessagePlace(time: .max, id: .max) }
        let statement = try db.cachedStatement(
            sql: "SELECT created_at FROM messages WHERE id <= ? ORDER BY id DESC LIMIT 1")
        return MessagePlace(time: try Int64.fetchOne(statement, arguments: [id]) ?? 0, id: id)
    }

    private static func page(
        _ gateway: String, _ sessionKey: String, limit: Int, before: MessagePlace, _ db: GRDB.Database
    ) throws -> MessagePage {
        let statement = try db.cachedStatement(sql: pageQuery)
        // One more than asked for tells whether there are older ones.
        statement.arguments = [gateway, sessionKey, before.time, before.id, limit + 1]
        var newestFirst = ByteBuffer()
        var ends: [Int] = []
        var oldest: Int64?
        var hasOlder = false
        let rows = StatementRows(statement.sqliteStatement)
        defer { rows.end() }
        while try rows.next() {
            guard ends.count < limit else {
                hasOlder = true
                break
            }
            oldest = rows.integer(0)
            newestFirst.writeMessage(rows)
            ends.append(newestFirst.writerIndex)
        }
        var json = ByteBufferAllocator().buffer(capacity: newestFirst.readableBytes + ends.count + 2)
        json.writeStaticString("[")
        for index in ends.indices.reversed() {
            let start = index == 0 ? 0 : ends[index - 1]
            if let message = newestFirst.getSlice(at: start, length: ends[index] - start) {
                json.writeImmutableBuffer(message)
            }
            if index > 0 { json.writeStaticString(",") }
        }
        json.writeStaticString("]")
        return MessagePage(json: json, before: hasOlder ? oldest : nil)
    }

    private static let forwardQuery = """
        SELECT id, session_id, role, content, state, run_id, error, usage, timestamp, created_at
        FROM messages
        WHERE session_id = (SELECT id FROM sessions WHERE gateway_id = ? AND session_key = ?)
        AND (created_at, id) > (?, ?)
        ORDER BY created_at, id LIMIT ?
        """

    static let pageQuery = """
        SELECT id, session_id, role, content, state, run_id, error, usage, timestamp, created_at
        FROM messages
        WHERE session_id = (SELECT id FROM sessions WHERE gateway_id = ? AND session_key = ?)
        AND (created_at, id) < (?, ?)
        ORDER BY created_at DESC, id DESC LIMIT ?
        """
}

extension ByteBuffer {
    /// Writes a row of the page query as a JSON object.
    fileprivate mutating func writeMessage(_ rows: StatementRows) {
        writeString("{\"id\":\(rows.integer(0)),\"session_id\":\(rows.integer(1)),\"role\":\"")
        writeBytes(rows.text(2))
        writeStaticString("\",\"content\":")
        writeBytes(rows.text(3))
        writeStaticString(",\"state\":\"")
        writeBytes(rows.text(4))
        writeStaticString("\",\"run_id\":")
        if rows.isNull(5) {
            writeStaticString("null")
        } else {
            writeJSONString(String(decoding: rows.text(5), as: UTF8.self))
        }
        if !rows.isNull(6) {
            writeStaticString(",\"error\":")
            writeJSONString(String(decoding: rows.text(6), as: UTF8.self))
        }
        if !rows.isNull(7) {
            writeStaticString(",\"usage\":")
            writeBytes(rows.text(7))
        }
        writeString(",\"timestamp\":\(rows.integer(8)),\"created_at\":\"")
        writeString(Timestamp(milliseconds: rows.integer(9)).iso8601)
        writeStaticString("\"}")
    }
}
