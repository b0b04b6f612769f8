package import JSON
import MiddlewareKit

extension ChatMessage {
    /// Reads a message of an event or of a history leniently; nil when it is no object.
    ///
    /// A non-empty `text` wins over `content`, which is a string or blocks (OpenClaw protocol: message shape).
    package init?(json: JSONValue?) {
        guard let json, json.object != nil else { return nil }
        self.init(
            role: json["role"]?.string ?? "assistant",
            text: "",
            timestamp: (json["timestamp"]?.double).flatMap { Int64(exactly: $0.rounded()) }
                .map(Timestamp.init(milliseconds:)),
            usage: Usage(json: json["usage"]),
            stopReason: json["stopReason"]?.string
        )
        switch json["content"] {
        case .string(let content): text = content
        case .array(let content): read(blocks: content)
        default: break
        }
        if let visible = json["text"]?.string, !visible.isEmpty { text = visible }
    }

    private mutating func read(blocks content: [JSONValue]) {
        for block in content {
            switch block["type"]?.string {
            case "text": text += block["text"]?.string ?? ""
            case "thinking": blocks.append(.thinking(block["thinking"]?.string ?? ""))
            default:
                if block.object != nil { blocks.append(.other(json: block.encoded())) }
            }
        }
    }
}

extension Usage {
    /// Nil when it is no object or tells no number.
    init?(json: JSONValue?) {
        guard let json, json.object != nil else { return nil }
        self.init(
            input: json["input"]?.int,
            output: json["output"]?.int,
            total: json["totalTokens"]?.int ?? json["total"]?.int,
            cacheRead: json["cacheRead"]?.int,
            cacheWrite: json["cacheWrite"]?.int
        )
        if self == Usage() { return nil }
    }
}
