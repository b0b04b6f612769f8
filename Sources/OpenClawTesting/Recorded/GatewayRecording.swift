import JSON

/// What a gateway and a client once said to each other: a JSON object a line, with `dir` (`in`: the gateway's, `out`: the
/// client's) and `frame`. A frame `{"__closed__": {"code": …, "reason": …}}` is the end of the connection.
public struct GatewayRecording: Sendable {
    enum Line: Sendable {
        /// A frame of the gateway.
        case frame(JSONValue)
        /// A request of the client.
        case request(id: String, method: String, parameters: JSONValue)
        case close(code: UInt16, reason: String)
    }

    /// A line that cannot be read.
    public struct Problem: Error, CustomStringConvertible {
        public let description: String
    }

    let lines: [Line]

    /// - Parameter text: The lines of the file.
    public init(_ text: String) throws {
        lines = try text.split(whereSeparator: \.isNewline).enumerated().map { number, text in
            guard let value = try? JSONValue(parsing: String(text)), let frame = value["frame"],
                let line = Line(frame, isIncoming: value["dir"]?.string == "in")
            else { throw Problem(description: "line \(number + 1) is no line of a recording") }
            return line
        }
    }
}

extension GatewayRecording.Line {
    fileprivate init?(_ frame: JSONValue, isIncoming: Bool) {
        if let closed = frame["__closed__"] {
            self = .close(
                code: closed["code"]?.int.flatMap(UInt16.init(exactly:)) ?? 1000,
                reason: closed["reason"]?.string ?? "")
        } else if isIncoming {
            self = .frame(frame)
        } else if let id = frame["id"]?.string, let method = frame["method"]?.string {
            self = .request(id: id, method: method, parameters: frame["params"] ?? .null)
        } else {
            return nil
        }
    }
}
