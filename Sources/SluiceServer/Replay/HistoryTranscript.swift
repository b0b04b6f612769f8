import JSON
import MiddlewareKit
package import MiddlewareTesting
package import Storage

extension Transcript {
    /// What is stored of a session, oldest first: messages as they were kept, and answers as they were shown.
    ///
    /// - Returns: Nil when there is no such session.
    package init?(of sessionKey: String, gateway: String, limit: Int, in database: Database) async throws {
        guard let session = try await database.session(gateway: gateway, key: sessionKey) else { return nil }
        let page = try await database.messages(gateway: gateway, sessionKey: sessionKey, limit: limit, before: nil)
        let rows = try JSONValue(parsing: page.json).array ?? []
        self.init(rows.map { Entry(stored: $0, of: session) })
    }
}

extension Transcript.Entry {
    fileprivate init(stored row: JSONValue, of session: StoredSession) {
        let (isUser, state) = (row["role"]?.string == "user", row["state"]?.string.flatMap(MessageRecord.State.init))
        let content = row["content"]?.array ?? []
        let text = content.compactMap { $0["type"]?.string == "text" ? $0["text"]?.string : nil }.joined()
        let kind: String
        // What other clients of the gateway wrote came from there, and met no stage for messages.
        let isForeign = isUser && row["run_id"]?.string.map(RunName.isForeign) ?? true
        switch (isUser, state) {
        case (true, _) where isForeign: kind = EventKind.message.rawValue
        case (true, _): kind = MessageKind.chat.rawValue
        case (false, .aborted): kind = EventKind.aborted.rawValue
        case (false, .failed): kind = EventKind.error.rawValue
        case (false, _): kind = EventKind.final.rawValue
        }
        self.init(type: isUser && !isForeign ? .inbound : .outbound, kind: kind, gateway: session.gateway, text: text)
        self.session = session.key
        run = row["run_id"]?.string ?? "message-\(row["id"]?.int ?? 0)"
        user = session.owner
        at = row["timestamp"]?.int.map { Int64($0) }
        detail = row["error"]?.string
        let blocks = content.filter { $0["type"]?.string != "text" }.map { $0.encoded() }
        self.blocks = isUser || blocks.isEmpty ? nil : blocks
    }
}
