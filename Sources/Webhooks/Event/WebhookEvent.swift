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
        var random = SystemRandomNumberGenerator()
        var text = Array("evt_".utf8)
        text.reserveCapacity(text.count + 32)
        // By halves: the standard library takes its time with numbers of 128 bits.
        for _ in 0..<2 {
            let half = random.next() as UInt64
            for shift in stride(from: 60, through: 0, by: -4) {
                let digit = UInt8(half >> UInt64(shift) & 0xF)
                text.append(digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The text that is stored and sent.
    package var payload: String {
        let object: JSONObject = [
            "version": .integer(Int64(Self.version)), "id": .string(id), "type": .string(type),
            "timestamp": .string(timestamp.iso8601), "data": .object(data),
        ]
        return JSONValue.object(object).encoded()
    }
}

extension WebhookEvent {
    /// The members that say what an event is about; what is not known is null.
    package static func subject(
        gateway: String?, session: String? = nil, run: String? = nil, user: String? = nil, agent: String? = nil
    ) -> JSONObject {
        JSONObject(
            [("gateway", gateway), ("session", session), ("run", run), ("user", user), ("agent", agent)]
                .map { key, value in (key, value.map { .string($0) } ?? .null) })
    }
}
