import MiddlewareKit

/// What the two directions have in common, so that one function runs both.
protocol ChainMessage: Sendable {
    func subject(_ context: MessageContext) -> Condition.Subject
    /// Calls the middleware's function for this direction.
    func meet(_ middleware: any Middleware, context: MessageContext, next: Next<Self>) async throws
    /// The message as it reaches `stage`'s function: an event's text has gone through the stage's transform.
    func prepared(for stage: Stage) async throws -> Self
    /// Whether the stage's function (not only its transform) takes part for this kind.
    func concerns(_ middleware: any Middleware) -> Bool
}

extension InboundMessage: ChainMessage {
    func subject(_ context: MessageContext) -> Condition.Subject {
        Condition.Subject(
            direction: .inbound, kind: kind.rawValue, gateway: gateway,
            agent: agent,
            session: sessionKey, user: context.principal?.user)
    }

    func meet(_ middleware: any Middleware, context: MessageContext, next: Next<Self>) async throws {
        try await middleware.inbound(self, context: context, next: next)
    }

    func prepared(for stage: Stage) -> Self { self }

    func concerns(_ middleware: any Middleware) -> Bool { true }
}

extension OutboundEvent: ChainMessage {
    func subject(_ context: MessageContext) -> Condition.Subject {
        Condition.Subject(
            direction: .outbound, kind: kind.rawValue, gateway: run.gateway, agent: run.agent, session: run.sessionKey,
            user: run.user)
    }

    func meet(_ middleware: any Middleware, context: MessageContext, next: Next<Self>) async throws {
        try await middleware.outbound(self, context: context, next: next)
    }

    func prepared(for stage: Stage) async throws -> Self {
        guard kind.isTerminal, stage.middleware.handles.replyText, stage.rewritesText(of: run) else { return self }
        var event = self
        event.text = try await ReplyText.whole(text, isCut: kind != .final, through: stage, run: run)
        return event
    }

    func concerns(_ middleware: any Middleware) -> Bool { middleware.handles.outbound.contains(kind) }
}
