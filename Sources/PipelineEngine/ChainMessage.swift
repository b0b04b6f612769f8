import Logging
import MiddlewareKit

/// What the two directions have in common, so that one function runs both.
protocol ChainMessage: Sendable {
    var text: String { get }
    func facts(_ context: MessageContext) -> MessageFacts
    /// Calls the middleware's function for this direction.
    func meet(_ middleware: any Middleware, context: MessageContext, next: Next<Self>) async throws
    /// Whether a stage that got `original` changed it.
    func differs(from original: Self) -> Bool
    /// The message as it reaches the step's function: an event's text has gone through the stage's transform.
    func rewritten(
        by step: PathStep, _ context: MessageContext, _ time: any TimeSource, _ notes: PathNotes<Self>?
    ) async throws -> Self
}

extension InboundMessage: ChainMessage {
    func facts(_ context: MessageContext) -> MessageFacts { MessageFacts(self, context) }

    func meet(_ middleware: any Middleware, context: MessageContext, next: Next<Self>) async throws {
        try await middleware.inbound(self, context: context, next: next)
    }

    func differs(from original: Self) -> Bool {
        text != original.text || answer != original.answer || attachments != original.attachments
            || route != original.route
    }

    func rewritten(
        by step: PathStep, _ context: MessageContext, _ time: any TimeSource, _ notes: PathNotes<Self>?
    ) -> Self { self }
}

extension OutboundEvent: ChainMessage {
    func facts(_ context: MessageContext) -> MessageFacts { MessageFacts(self, context) }

    func meet(_ middleware: any Middleware, context: MessageContext, next: Next<Self>) async throws {
        try await middleware.outbound(self, context: context, next: next)
    }

    func differs(from original: Self) -> Bool {
        text != original.text || blocks != original.blocks || detail != original.detail
    }

    func rewritten(
        by step: PathStep, _ context: MessageContext, _ time: any TimeSource, _ notes: PathNotes<Self>?
    ) async throws -> Self {
        guard isRewritten(by: step, context) else { return self }
        guard step.stage.mode == .enforce else {
            rewriteShadow(step.stage, context, time, notes)
            return self
        }
        let start = time.uptime
        let event = try await rewritten(by: step.stage, time)
        let took = time.uptime - start
        if let event, event.text != text { notes?.note(.rewrote, stage: step.stage.name, took: took, self, event) }
        return event ?? self
    }

    @inline(never)
    private func isRewritten(by step: PathStep, _ context: MessageContext) -> Bool {
        // A run that failed without a word has none to be rewritten, perhaps because this very stage is out of order.
        if text.isEmpty, kind == .error { return false }
        return step.rewrites?.matches(MessageFacts(textOf: run, context)) ?? false
    }

    /// Has a shadow rewrite the text beside the event.
    @inline(never)
    private func rewriteShadow(
        _ stage: Stage, _ context: MessageContext, _ time: any TimeSource, _ notes: PathNotes<Self>?
    ) {
        runShadow(stage, notes) {
            let start = time.uptime
            do {
                guard let event = try await rewritten(by: stage, time), event.text != text else { return }
                notes?.ofShadow.note(.rewrote, stage: stage.name, took: time.uptime - start, self, event)
            } catch {
                context.logger.debug("stage \(stage.name) (shadow) would have failed on a reply: \(error)")
                stage.figures.record(.failed, took: time.uptime - start)
                notes?.ofShadow.note(.failed, stage: stage.name, took: time.uptime - start)
            }
        }
    }

    /// The event with the whole text as the stage's transform makes it; nil when the stage leaves this run alone. It counts
    /// as a call.
    private func rewritten(by stage: Stage, _ time: any TimeSource) async throws -> Self? {
        let start = time.uptime
        guard
            let text = try await ReplyText.whole(
                text, isCut: kind != .final, through: stage, run: run, time: time)
        else { return nil }
        stage.figures.record(.passed, took: time.uptime - start)
        var event = self
        if text != self.text {
            event.text = text
            stage.figures.recordChange()
        }
        return event
    }
}
