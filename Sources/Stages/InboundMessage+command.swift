import MiddlewareKit

extension InboundMessage {
    /// A command of the gateway, such as `/new`, which must stay at the beginning, and alone.
    var isCommand: Bool { text.first { !$0.isWhitespace } == "/" }
}
