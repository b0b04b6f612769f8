import MiddlewareKit

/// What an endpoint can be told of.
package enum EventType: String, OptionChoice {
    /// A user's message was taken in.
    case messageReceived = "message.received"
    /// An agent's whole answer.
    case messageFinal = "message.final"
    /// An answer that the user stopped.
    case messageAborted = "message.aborted"
    /// A run that failed.
    case messageError = "message.error"
    case runStarted = "run.started"
    /// A stage turned a message from a browser away.
    case requestRejected = "request.rejected"
    case gatewayConnected = "gateway.connected"
    case gatewayDisconnected = "gateway.disconnected"
    case sessionCreated = "session.created"
    case sessionDeleted = "session.deleted"

    /// The type of a test event. It goes to the endpoint that it names, whatever its `events` are.
    package static let test = "webhook.test"

    /// The types of all events that there are.
    package static let names = allCases.map(\.rawValue) + [test]
}

/// How much of a message an event holds.
package enum EventContent: String, OptionChoice, Comparable {
    /// No text, only who, where and when.
    case none
    case text
    /// The text, and the parts that are no text: tool calls, images.
    case blocks

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    package static func < (a: EventContent, b: EventContent) -> Bool { a.rank < b.rank }
}
