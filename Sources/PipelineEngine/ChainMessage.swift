import MiddlewareKit

/// What the two directions have in common, so that one function runs both.
protocol ChainMessage: Sendable {
    var text: String { get }
    func facts(_ context: MessageContext) -> MessageFacts
    /// Calls the middleware's function for this direction.
    func meet(_ middleware: any Middleware, context: MessageContext, next: Next<Self>) async throws
    /// The message as it reaches the step's function: an event's text has gone through the stage's transform.
    func prepared(for step: PathStep, _ context: MessageContext, _ time: any TimeSource) async throws -> Self
}

extension InboundMessage: ChainMessage {
    func facts(_ context: MessageContext) -> MessageFacts { MessageFacts(self, context) }

    func meet(_ middleware: any Middleware, context: MessageContext, next: Next<Self>) async throws {
        try await middleware.inbound(self, context: context, next: next)
    }

    func prepared(for step: PathStep, _ context: MessageContext, _ time: any TimeSource) -> Self { self }
}

extension OutboundEvent: ChainMessage {
    func facts(_ context: MessageContext) -> MessageFacts { MessageFacts(self, context) }

    func meet(_ middleware: any Middleware, context: MessageContext, next: Next<Self>) async throws {
        try await middleware.outbound(self, context: context, next: next)
    }

    func prepared(for step: PathStep, _ context: MessageContext, _ time: any TimeSource) async throws -> Self {
        guard let rewrites = step.rewrites, rewrites.matches(MessageFacts(textOf: run, context)) else { return self }
        // A run that failed without a word has none to be rewritten, perhaps because this very stage is out of order.
        if text.isEmpty, kind == .error { return self }
        var event = self
        event.text = try await ReplyText.whole(text, isCut: kind != .final, through: step.stage, run: run, time: time)
        return event
    }
}
