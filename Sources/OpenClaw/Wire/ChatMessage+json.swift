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
        if usage?.cost == nil, let cost = Usage.dollars(json["cost"]?["total"]) {
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
    /// Nil when it is no object or tells no number. Numbers that cannot be are not told: quotas and sums are made of them.
    init?(json: JSONValue?) {
        guard let json, json.object != nil else { return nil }
        self.init(
            input: Self.tokens(json["input"]),
            output: Self.tokens(json["output"]),
            total: Self.tokens(json["totalTokens"]) ?? Self.tokens(json["total"]),
            cacheRead: Self.tokens(json["cacheRead"]),
            cacheWrite: Self.tokens(json["cacheWrite"]),
            cost: Self.dollars(json["cost"]?["total"])
        )
        if self == Usage() { return nil }
    }

    /// No message takes more than 10^12.
    private static func tokens(_ json: JSONValue?) -> Int? {
        json?.int.flatMap { (0...1_000_000_000_000).contains($0) ? $0 : nil }
    }

    /// No message costs more than a million.
    fileprivate static func dollars(_ json: JSONValue?) -> Double? {
        json?.double.flatMap { (0...1_000_000).contains($0) ? $0 : nil }
    }
}
