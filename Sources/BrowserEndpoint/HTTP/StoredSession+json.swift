import JSON
import MiddlewareKit
import Storage

extension StoredSession {
    /// The shape that existing frontends read.
    var json: JSONValue {
        [
            "id": .integer(id),
            "gateway_id": .string(gateway),
            "session_key": .string(key),
            "title": title.map { .string($0) } ?? .null,
            "agent_id": agent.map { .string($0) } ?? .null,
            "model": model.map { .string($0) } ?? .null,
            "created_at": .string(createdAt.iso8601),
            "last_activity": .string(lastActivity.iso8601),
        ]
    }
}
