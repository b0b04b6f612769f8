/// Why a WebSocket that was open was closed, other than by wish of one side.
package enum WebSocketError: Error, Equatable, CustomStringConvertible {
    /// The peer broke a rule of RFC 6455, or a limit of ours; it was told with a Close frame of this code.
    case violation(code: UInt16, reason: String)
    /// Nothing came for a whole ping interval, and no answer to a ping in time.
    case pongTimedOut
    /// The peer read too slowly: this many bytes were waiting for it.
    case slowConsumer(queuedBytes: Int)
    /// The connection ended without a Close frame.
    case connectionLost

    package var description: String {
        switch self {
        case .violation(let code, let reason): "the peer broke the protocol: \(reason) (\(code))"
        case .pongTimedOut: "the peer did not answer a ping in time"
        case .slowConsumer(let bytes): "the peer reads too slowly: \(bytes) bytes were waiting for it"
        case .connectionLost: "the connection ended without a closing handshake"
        }
    }
}

/// A rule of RFC 6455 that the peer broke, with the close code that the RFC names for it.
struct ProtocolViolation: Error, Equatable {
    let code: UInt16
    let reason: String

    static func protocolError(_ reason: String) -> ProtocolViolation {
        .init(code: CloseCode.protocolError, reason: reason)
    }
    static let notUTF8 = ProtocolViolation(code: CloseCode.invalidPayload, reason: "text is not valid UTF-8")
    static let tooLarge = ProtocolViolation(code: CloseCode.tooLarge, reason: "message is too large")
}
