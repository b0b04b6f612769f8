/// Why a request to a gateway has no answer.
package enum GatewayError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknownGateway(String)
    /// There is no connection to send the request on.
    case notConnected(gateway: String, reason: String)
    /// The connection was lost after the request was sent: it may have been carried out.
    case connectionLost
    /// No answer within the request timeout: it may have been carried out.
    case timedOut(method: String)
    /// The gateway says no, in its own words.
    case refused(code: String, message: String, retryAfterMs: Int?)
    /// The gateway cannot take requests just now, as when it is about to restart, and asks for some patience.
    case unavailable(message: String, retryAfter: Duration)
    /// The gateway did not grant the scope that the method needs.
    case missingScope(String, method: String)
    /// The message waited for the gateway, which did not come back in time, or not long enough. It was not sent.
    case expired(gateway: String, after: Duration)
    /// The message was taken back while it waited for the gateway. If an earlier attempt may have arrived, the gateway is asked
    /// to stop its run.
    case withdrawn
    /// Too many requests, or bytes, are waiting already.
    case tooManyPending
    /// The request is larger than the gateway takes.
    case frameTooLarge(bytes: Int, limit: Int)
    /// The gateway's answer does not say what it should.
    case unexpectedAnswer(method: String)

    /// The request may have been carried out.
    var leavesDoubt: Bool {
        switch self {
        case .connectionLost, .timedOut: true
        default: false
        }
    }

    package var description: String {
        switch self {
        case .unknownGateway(let id): "there is no gateway \"\(id)\""
        case .notConnected(let gateway, let reason): "gateway \"\(gateway)\" is not connected: \(reason)"
        case .connectionLost: "the connection to the gateway was lost before it answered"
        case .timedOut(let method): "the gateway did not answer \(method) in time"
        case .refused(_, let message, _), .unavailable(let message, _): message
        case .missingScope(let scope, let method): "the gateway allows \(method) only with the scope \(scope)"
        case .expired(let gateway, let age):
            "gateway \"\(gateway)\" did not come back within \(age.components.seconds) s; the message was not sent"
        case .withdrawn: "the message was taken back"
        case .tooManyPending: "too many requests are waiting for the gateway"
        case .frameTooLarge(let bytes, let limit):
            "the message has \(bytes) bytes, the gateway takes at most \(limit)"
        case .unexpectedAnswer(let method): "the gateway's answer to \(method) cannot be understood"
        }
    }
}
