import JSON
package import MiddlewareKit
import NIOCore

extension WebhookEvent {
    /// The text of an event that tells of a message that is being kept, in the form of ``payload``. It is made on the way of every
    /// message, and written at once, without a tree of values.
    ///
    /// - Parameter lacksText: Null stands for the text, which is put in its place later (``textPath(of:content:)``).
    package static func payload(
        of record: MessageRecord, user: String?, content: EventContent, traceparent: String? = nil,
        lacksText: Bool = false
    ) -> String {
        var json = ByteBuffer()
        json.reserveCapacity((lacksText ? 0 : record.text.utf8.count) + 512)
        json.writeString("{\"version\":\(version)")
        json.writeMember("id", makeID())
        json.writeMember("type", record.eventType.rawValue)
        json.writeMember("timestamp", record.timestamp.iso8601)
        json.writeStaticString(",\"data\":{\"gateway\":")
        json.writeJSONString(record.gateway)
        json.writeMember("session", record.sessionKey)
        json.writeMember("run", record.runID)
        json.writeMember("user", user)
        json.writeMember("agent", record.agent)
        json.writeStaticString(",\"message\":{\"role\":")
        json.writeJSONString(record.role.rawValue)
        if content >= .text {
            json.writeMember("text", lacksText ? nil : record.text)
            json.writeMember("attachments", .array(record.attachments.map(\.json)))
        }
        if content >= .blocks { json.writeMember("blocks", .array(record.blocks.compactMap(\.json))) }
        json.writeStaticString("}")
        if record.role == .assistant {
            json.writeMember("model", record.model)
            json.writeMember("usage", record.usage?.eventJSON ?? .null)
        }
        if record.state == .failed { json.writeMember("error", record.error) }
        json.writeStaticString("}")
        if let traceparent { json.writeMember("traceparent", traceparent) }
        json.writeStaticString("}")
        return String(buffer: json)
    }

    /// Where the text belongs that an event need not hold when it is stored with its message: that of a long message.
    package static func textPath(of record: MessageRecord, content: EventContent) -> String? {
        let isLong = record.text.utf8.count >= 1024
        return isLong && record.blocks.isEmpty && content >= .text ? "$.data.message.text" : nil
    }
}

extension ByteBuffer {
    /// A member of an object that has members already; nil is null.
    fileprivate mutating func writeMember(_ name: StaticString, _ value: String?) {
        writeName(name)
        if let value { writeJSONString(value) } else { writeStaticString("null") }
    }

    fileprivate mutating func writeMember(_ name: StaticString, _ value: JSONValue) {
        writeName(name)
        writeJSON(value)
    }

    private mutating func writeName(_ name: StaticString) {
        writeStaticString(",\"")
        writeStaticString(name)
        writeStaticString("\":")
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
            "bytes": .integer(Int64(size)),
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
