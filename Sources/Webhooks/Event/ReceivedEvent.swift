import JSON
import MiddlewareKit

/// An event read back from the outbox, as far as it matters to whom it goes, and how.
struct ReceivedEvent: Sendable {
    let id: String
    let type: String
    private let json: JSONObject
    private let data: JSONObject

    /// Nil: the row was not written by this version, or was damaged.
    init?(_ payload: String) {
        guard let json = (try? JSONValue(parsing: payload))?.object, let id = json["id"]?.string,
            let type = json["type"]?.string, let data = json["data"]?.object
        else { return nil }
        self.id = id
        self.type = type
        self.json = json
        self.data = data
    }

    var traceparent: String? { json["traceparent"]?.string }
    var gateway: String? { data["gateway"]?.string }
    var session: String? { data["session"]?.string }
    var user: String? { data["user"]?.string }
    var agent: String? { data["agent"]?.string }
    /// Of a test event: the endpoint that it is for.
    var endpoint: String? { data["endpoint"]?.string }

    /// What keeps its order: the events of a session; the ups and downs of a gateway.
    var lane: String? {
        guard let gateway else { return nil }
        return "\(gateway)\n\(session ?? "")"
    }

    /// Whether the event holds no more of a message than `content` allows.
    func isWithin(_ content: EventContent) -> Bool {
        guard let message = data["message"]?.object else { return true }
        return (content >= .blocks || message["blocks"] == nil)
            && (content >= .text || message["text"] == nil && message["attachments"] == nil)
    }

    /// The event with no more of a message than `content` allows.
    func json(content: EventContent) -> JSONValue {
        guard var message = data["message"]?.object else { return .object(json) }
        if content < .blocks { message["blocks"] = nil }
        if content < .text { (message["text"], message["attachments"]) = (nil, nil) }
        var (data, json) = (data, json)
        data["message"] = .object(message)
        json["data"] = .object(data)
        return .object(json)
    }
}
