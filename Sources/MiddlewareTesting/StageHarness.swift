public import MiddlewareKit
import Synchronization

/// Runs one middleware alone: what stands before and behind it is the test.
public struct StageHarness: Sendable {
    /// What became of a message.
    public enum Outcome<Message: Sendable>: Sendable {
        case passed(Message, MessageContext)
        case dropped
        case rejected(Rejection)
        case failed(any Error)

        /// The message, if it was passed on.
        public var message: Message? { if case .passed(let message, _) = self { message } else { nil } }
        public var context: MessageContext? { if case .passed(_, let context) = self { context } else { nil } }
        public var rejection: Rejection? { if case .rejected(let rejection) = self { rejection } else { nil } }
    }

    public let middleware: any Middleware

    public init(_ middleware: any Middleware) { self.middleware = middleware }

    /// Browser to gateway. `terminal` is called where the next stage would be.
    public func send(
        _ message: InboundMessage, context: MessageContext = Sample.context(),
        terminal: @Sendable (InboundMessage) async throws -> Void = { _ in }
    ) async -> Outcome<InboundMessage> {
        var arrived: (InboundMessage, MessageContext)?
        do {
            try await middleware.inbound(message, context: context) { message, context in
                arrived = (message, context)
                try await terminal(message)
            }
        } catch {
            return Self.outcome(of: error)
        }
        return arrived.map { .passed($0, $1) } ?? .dropped
    }

    /// Gateway to browser.
    public func deliver(
        _ event: OutboundEvent, context: MessageContext = Sample.context(),
        terminal: @Sendable (OutboundEvent) async throws -> Void = { _ in }
    ) async -> Outcome<OutboundEvent> {
        var arrived: (OutboundEvent, MessageContext)?
        do {
            try await middleware.outbound(event, context: context) { event, context in
                arrived = (event, context)
                try await terminal(event)
            }
        } catch {
            return Self.outcome(of: error)
        }
        return arrived.map { .passed($0, $1) } ?? .dropped
    }

    /// The visible text of a reply that streams in these pieces, to its end.
    public func stream(_ pieces: [String], run: Run = Sample.run()) async throws -> String {
        guard let kind = middleware.makeReplyTransform(for: run) else { return pieces.joined() }
        var text = ""
        switch kind {
        case .immediate(var transform):
            for piece in pieces { text.apply(transform.feed(piece[...])) }
            text.apply(transform.finish())
        case .awaiting(var transform):
            for piece in pieces { text.apply(try await transform.feed(piece[...])) }
            text.apply(try await transform.finish())
        }
        return text
    }

    private static func outcome<Message>(of error: any Error) -> Outcome<Message> {
        (error as? Rejection).map { .rejected($0) } ?? .failed(error)
    }
}
