package import JSON
package import MiddlewareKit
package import NIOCore

extension ByteBuffer {
    /// Writes content blocks as a JSON array: the text, if there is any, then what stands beside it.
    package mutating func writeContent(text: String, blocks: [ContentBlock], attachments: [Attachment] = []) {
        writeStaticString("[")
        var isFirst = true
        func separate(_ buffer: inout ByteBuffer) {
            if !isFirst { buffer.writeStaticString(",") }
            isFirst = false
        }
        if !text.isEmpty {
            separate(&self)
            writeStaticString("{\"type\":\"text\",\"text\":")
            writeJSONString(text)
            writeStaticString("}")
        }
        for block in blocks {
            separate(&self)
            switch block {
            case .thinking(let thought):
                writeStaticString("{\"type\":\"thinking\",\"thinking\":")
                writeJSONString(thought)
                writeStaticString("}")
            case .other(let json):
                writeString(json)
            }
        }
        for attachment in attachments {
            separate(&self)
            writeJSON(attachment.summary)
        }
        writeStaticString("]")
    }
}

extension Attachment {
    /// What is kept of an attachment: not its bytes.
    fileprivate var summary: JSONValue {
        var object: JSONObject = ["type": .string(type), "mimeType": .string(mimeType)]
        object["fileName"] = fileName.map { .string($0) }
        object["bytes"] = .integer(Int64(size))
        object["omitted"] = true
        return .object(object)
    }
}

extension Usage {
    /// The members that were told, in the gateway's names.
    package var json: JSONValue {
        let members: [(String, Int?)] = [
            ("input", input), ("output", output), ("totalTokens", total), ("cacheRead", cacheRead),
            ("cacheWrite", cacheWrite),
        ]
        var object = JSONObject(members.compactMap { key, value in value.map { (key, .integer(Int64($0))) } })
        object["cost"] = cost.map { ["total": .number($0)] }
        return .object(object)
    }

    /// Reads what `json` wrote.
    init?(stored text: String) {
        guard let json = try? JSONValue(parsing: ByteBuffer(string: text)) else { return nil }
        self.init(
            input: json["input"]?.int, output: json["output"]?.int, total: json["totalTokens"]?.int,
            cacheRead: json["cacheRead"]?.int, cacheWrite: json["cacheWrite"]?.int,
            cost: json["cost"]?["total"]?.double)
    }
}
