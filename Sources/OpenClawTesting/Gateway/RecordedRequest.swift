package import JSON

/// A request that a fake gateway received.
public struct RecordedRequest: Sendable, Hashable {
    /// Counts the connections of the gateway, from 1.
    public let connection: Int
    public let id: String
    public let method: String
    /// Null when there was none.
    package let parameters: JSONValue

    /// The `params` as JSON text.
    public var parametersText: String { parameters.encoded() }
}

/// A `req` frame.
struct RequestFrame {
    let id: String
    let method: String
    let parameters: JSONValue

    private static let shape = Shape.object([
        Shape.required("type", .oneOf(["req"])),
        Shape.required("id", .nonEmptyText),
        Shape.required("method", .nonEmptyText),
        Shape.optional("params", .anything),
    ])

    init(_ frame: JSONValue) throws(GatewayRefusal) {
        let problems = Self.shape.problems(in: frame)
        guard problems.isEmpty, let id = frame["id"]?.string, let method = frame["method"]?.string else {
            throw .invalidRequest("invalid request frame: \(problems.joined(separator: "; "))")
        }
        self.id = id
        self.method = method
        parameters = frame["params"] ?? .null
    }
}
