package import JSON

/// A request to a gateway, as it goes out.
package struct GatewayRequest: Sendable, Equatable {
    package var id: String
    package var method: String
    package var params: JSONValue

    /// The frame.
    var frame: JSONValue {
        ["type": "req", "id": .string(id), "method": .string(method), "params": params]
    }
}
