import MiddlewareKit
import Tracing

/// One way through the chain for one message: the stages of its path in order, then the terminal.
struct ChainPath<Message: ChainMessage>: Sendable {
    let steps: [PathStep]
    let time: any TimeSource
    var tracer: (any Tracer)?
    var onRejection: RejectionHandler<Message>?
    let terminal: @Sendable (Message, MessageContext) async throws -> Void

    func run(_ message: Message, context: MessageContext) async throws -> Passage {
        let arrival = Arrival()
        let notes = PathNotes(message, context)
        notes?.note(.entered)
        do {
            try await step(0, message, context, arrival, notes)
            notes?.end(arrival.passage)
            return arrival.passage
        } catch {
            notes?.end(nil)
            throw error
        }
    }

    private func step(
        _ index: Int, _ message: Message, _ context: MessageContext, _ arrival: Arrival, _ notes: PathNotes<Message>?
    ) async throws {
        guard index < steps.count else {
            try await terminal(message, context)
            arrival.reach(nil)
            return
        }
        let step = steps[index]
        let stage = step.stage
        let prepared: Message
        do {
            prepared = try await message.prepared(for: step, context, time)
            if let notes, prepared.text != message.text { notes.note(.rewrote, stage: stage.name, message, prepared) }
        } catch {
            stage.figures.record(.failed, took: .zero)
            notes?.note(.failed, stage: stage.name)
            guard stage.onError == .open else { throw StageFailure(stage: stage.name, cause: .threw(error)) }
            return try await self.step(index + 1, message, context, arrival, notes)
        }
        guard let calls = step.calls, calls.matches(prepared.facts(context)) else {
            if step.calls != nil { notes?.note(.skipped, stage: stage.name) }
            return try await self.step(index + 1, prepared, context, arrival, notes)
        }
        var context = context
        context.contributors = step.contributors(for: prepared.facts(context))
        let start = notes == nil ? .zero : time.uptime
        let call = StageCall(
            stage: stage, message: prepared, context: context, time: time,
            span: tracer == nil ? nil : context.startSpan(stage.name, ofKind: .internal, tracer),
            onRejection: onRejection
        ) { message, context in
            if let notes { notes.note(.passed, stage: stage.name, took: time.uptime - start, prepared, message) }
            try await self.step(index + 1, message, context, arrival, notes)
        }
        switch stage.mode {
        case .enforce:
            arrival.reach(stage.name)
            do {
                try await call.run()
                if let notes, arrival.passage == .dropped(stage: stage.name) { notes.note(.dropped, stage: stage.name) }
            } catch {
                if let notes, arrival.passage == .dropped(stage: stage.name) { notes.note(error, stage: stage.name) }
                throw error
            }
        case .shadow:
            await call.runInShadow()
            if let notes { notes.note(.shadowed, stage: stage.name, took: time.uptime - start) }
            try await self.step(index + 1, prepared, context, arrival, notes)
        }
    }
}

extension PathNotes {
    /// What a stage threw.
    fileprivate func note(_ error: any Error, stage: String) {
        if let rejection = error as? Rejection {
            note(.rejected(code: rejection.code), stage: stage)
        } else {
            note(.failed, stage: stage)
        }
    }
}
