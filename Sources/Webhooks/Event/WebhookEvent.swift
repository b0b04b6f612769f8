package import JSON
package import MiddlewareKit

/// Something that happened, as endpoints are told of it. `docs/webhook-event.schema.json` describes the JSON.
package struct WebhookEvent: Sendable {
    /// The form of the JSON; a change that breaks readers makes it one more.
    package static let version = 1

    /// The same on every attempt, for every endpoint.
    package let id: String
    package let type: String
    package let timestamp: Timestamp
    package var data: JSONObject
    /// The place of the message in a trace, as W3C's header has it.
    package var traceparent: String?

    package init(type: String, timestamp: Timestamp, data: JSONObject, id: String = makeID()) {
        self.id = id
        self.type = type
        self.timestamp = timestamp
        self.data = data
    }

    package init(_ type: EventType, timestamp: Timestamp, data: JSONObject) {
        self.init(type: type.rawValue, timestamp: timestamp, data: data)
    }

    /// `evt_` and 128 random bits.
    package static func makeID() -> String {
        // By halves: the standard library takes its time with numbers of 128 bits.
        let halves = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }
        return halves.reduce(into: "evt_") { $0 += String(repeating: "0", count: 16 - $1.utf8.count) + $1 }
    }

    /// The text that is stored and sent.
    package var payload: String {
        var object: JSONObject = [
            "version": .integer(Int64(Self.version)), "id": .string(id), "type": .string(type),
            "timestamp": .string(timestamp.iso8601), "data": .object(data),
        ]
        object["traceparent"] = traceparent.map { .string($0) }
        return JSONValue.object(object).encoded()
    }
}

extension WebhookEvent {
    /// A message that is being kept.
    package init(_ record: MessageRecord, user: String?, content: EventContent) {
        var message: JSONObject = ["role": .string(record.role.rawValue)]
        if content >= .text {
            message["text"] = .string(record.text)
            message["attachments"] = .array(record.attachments.map(\.json))
        }
        if content >= .blocks { message["blocks"] = .array(record.blocks.compactMap(\.json)) }
        var data = Self.subject(
            gateway: record.gateway, session: record.sessionKey, run: record.runID, user: user, agent: record.agent)
        data["message"] = .object(message)
        if record.role == .assistant { data["model"] = record.model.map { .string($0) } ?? .null }
        data["usage"] = record.role == .assistant ? record.usage?.eventJSON ?? .null : nil
        data["error"] = record.state == .failed ? record.error.map { .string($0) } ?? .null : nil
        self.init(record.eventType, timestamp: record.timestamp, data: data)
    }

    /// The members that say what an event is about; what is not known is null.
    package static func subject(
        gateway: String?, session: String? = nil, run: String? = nil, user: String? = nil, agent: String? = nil
    ) -> JSONObject {
        JSONObject(
            [("gateway", gateway), ("session", session), ("run", run), ("user", user), ("agent", agent)]
                .map { key, value in (key, value.map { .string($0) } ?? .null) })
    }
}

extension MessageRecord {
    package var eventType: EventType {
        switch (role, state) {
        case (.user, _): .messageReceived
        case (_, .complete), (_, .unanswered): .messageFinal
        case (_, .aborted): .messageAborted
        case (_, .failed): .messageError
        }
    }
}

extension Usage {
    /// In tokens; what the gateway did not tell is left out.
    fileprivate var eventJSON: JSONValue {
        let members = [
            ("input", input), ("output", output), ("total", total), ("cacheRead", cacheRead),
            ("cacheWrite", cacheWrite),
        ]
        var usage = JSONObject(members.compactMap { key, count in count.map { (key, .integer(Int64($0))) } })
        usage["costUSD"] = cost.map { .number($0) }
        return .object(usage)
    }
}

extension Attachment {
    /// Without its bytes.
    fileprivate var json: JSONValue {
        [
            "type": .string(type), "mimeType": .string(mimeType), "fileName": fileName.map { .string($0) } ?? .null,
            "bytes": .integer(Int64(content.utf8.count / 4 * 3)),
        ]
    }
}

extension ContentBlock {
    /// Nil: it is no JSON.
    fileprivate var json: JSONValue? {
        switch self {
        case .thinking(let text): ["type": "thinking", "thinking": .string(text)]
        case .other(let json): try? JSONValue(parsing: json)
        }
    }
}
