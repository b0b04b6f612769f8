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
            model: Self.model(json),
            stopReason: json["stopReason"]?.string
        )
        // The cost stands in the usage or beside it.
        if let cost = json["cost"]?["total"]?.double, usage?.cost == nil {
            usage = usage ?? Usage()
            usage?.cost = cost
        }
        switch json["content"] {
        case .string(let content): text = content
        case .array(let content): read(blocks: content)
        default: break
        }
        if let visible = json["text"]?.string, !visible.isEmpty { text = visible }
    }

    /// `provider/id`, as the gateway's own list has it.
    private static func model(_ json: JSONValue) -> String? {
        guard let id = json["model"]?.string, !id.isEmpty else { return nil }
        guard let provider = json["provider"]?.string, !provider.isEmpty, !id.hasPrefix(provider + "/") else {
            return id
        }
        return "\(provider)/\(id)"
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
            cacheWrite: json["cacheWrite"]?.int,
            cost: json["cost"]?["total"]?.double
        )
        if self == Usage() { return nil }
    }
}
