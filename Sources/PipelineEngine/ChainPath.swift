import MiddlewareKit
import Tracing

/// One way through the chain for one message: the stages of its path in order, then the terminal.
struct ChainPath<Message: ChainMessage>: Sendable {
    let stages: [Stage]
    let time: any TimeSource
    var tracer: (any Tracer)?
    var onRejection: RejectionHandler<Message>?
    let terminal: @Sendable (Message, MessageContext) async throws -> Void

    func run(_ message: Message, context: MessageContext) async throws -> Passage {
        let arrival = Arrival()
        try await step(0, message, context, arrival)
        return arrival.passage
    }

    private func step(
        _ index: Int, _ message: Message, _ context: MessageContext, _ arrival: Arrival
    ) async throws {
        guard index < stages.count else {
            try await terminal(message, context)
            arrival.reach(nil)
            return
        }
        let stage = stages[index]
        guard stage.condition?.matches(message.subject(context)) ?? true else {
            return try await step(index + 1, message, context, arrival)
        }
        let prepared: Message
        do {
            prepared = try await message.prepared(for: stage)
        } catch {
            stage.figures.record(.failed, took: .zero)
            guard stage.onError == .open else { throw StageFailure(stage: stage.name, cause: .threw(error)) }
            return try await step(index + 1, message, context, arrival)
        }
        guard prepared.concerns(stage.middleware) else {
            return try await step(index + 1, prepared, context, arrival)
        }
        var context = context
        context.contributors = contributors(below: index, for: prepared, context)
        let call = StageCall(
            stage: stage, message: prepared, context: context, time: time,
            span: tracer == nil ? nil : context.startSpan(stage.name, ofKind: .internal, tracer),
            onRejection: onRejection
        ) {
            try await step(index + 1, $0, $1, arrival)
        }
        switch stage.mode {
        case .enforce:
            arrival.reach(stage.name)
            try await call.run()
        case .shadow:
            await call.runInShadow()
            try await step(index + 1, prepared, context, arrival)
        }
    }

    /// The stages further down that store rows with this message.
    private func contributors(
        below index: Int, for message: Message, _ context: MessageContext
    ) -> [any RowContributor] {
        stages[(index + 1)...].compactMap { stage in
            guard let contributor = stage.contributor, message.concerns(stage.middleware) else { return nil }
            return stage.condition?.matches(message.subject(context)) ?? true ? contributor : nil
        }
    }
}
