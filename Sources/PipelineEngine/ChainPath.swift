import Logging
import MiddlewareKit
import Synchronization
import Tracing

/// One way through the chain for one message: the stages of its path in order, then the terminal.
final class ChainPath<Message: ChainMessage>: Sendable {
    let time: any TimeSource
    let tracer: (any Tracer)?
    let onRejection: RejectionHandler<Message>?
    private let steps: [PathStep]
    private let terminal: @Sendable (Message, MessageContext) async throws -> Void
    private let chain: String?
    private let notes: PathNotes<Message>?
    /// How far the message came.
    private let place = Mutex(Passage.delivered)

    /// - Parameters:
    ///   - message: As it enters, for its trace.
    ///   - context: As the message has it there.
    ///   - chain: The name of the chain, for the trace; nil: this is a part of a way.
    init(
        _ message: Message, _ context: MessageContext, chain: String? = nil, steps: [PathStep], time: any TimeSource,
        tracer: (any Tracer)? = nil, onRejection: RejectionHandler<Message>? = nil,
        terminal: @escaping @Sendable (Message, MessageContext) async throws -> Void
    ) {
        self.steps = steps
        self.time = time
        self.tracer = tracer
        self.onRejection = onRejection
        self.terminal = terminal
        self.chain = chain
        notes = PathNotes(message, context)
    }

    func run(_ message: Message, context: MessageContext) async throws -> Passage {
        notes?.note(.entered, chain: chain)
        do {
            try await step(0, message, context)
            notes?.end(passage)
            return passage
        } catch {
            // What a stage does when the message has arrived is too late for it.
            notes?.end(passage == .delivered ? .delivered : nil)
            throw error
        }
    }

    var passage: Passage { place.withLock { $0 } }

    private func step(_ index: Int, _ message: Message, _ context: MessageContext) async throws {
        guard index < steps.count else {
            try await terminal(message, context)
            return place.withLock { $0 = .delivered }
        }
        let step = steps[index]
        guard step.rewrites != nil else { return try await meet(index, message, context) }
        let rewritten: Message
        do {
            rewritten = try await message.rewritten(by: step, context, time, notes)
        } catch {
            step.stage.figures.record(.failed, took: .zero)
            context.logger.error("stage \(step.stage.name) failed on the text of a reply: \(error)")
            notes?.note(.failed, stage: step.stage.name)
            guard step.stage.onError == .open else {
                throw StageFailure(stage: step.stage.name, cause: .threw(error))
            }
            return try await self.step(index + 1, message, context)
        }
        try await meet(index, rewritten, context)
    }

    /// Calls the function of a stage, if it takes part.
    private func meet(_ index: Int, _ message: Message, _ context: MessageContext) async throws {
        let step = steps[index]
        guard let calls = step.calls, calls.matches(message.facts(context)) else {
            if step.calls != nil { notes?.note(.skipped, stage: step.stage.name) }
            return try await self.step(index + 1, message, context)
        }
        var prepared = context
        step.prepare(&prepared, for: message.facts(context))
        try await call(index, message, prepared)
    }

    private func call(_ index: Int, _ message: Message, _ context: MessageContext) async throws {
        let step = steps[index]
        let stage = step.stage
        if stage.mode == .shadow {
            callShadow(step, message, context, notes)
            return try await self.step(index + 1, message, context)
        }
        place.withLock { $0 = .dropped(stage: stage.name) }
        let span = tracer == nil ? nil : context.startSpan(stage.name, ofKind: .internal, tracer)
        let start = notes == nil ? .zero : time.uptime
        do {
            if let executor = stage.executor, step.deadlines == nil {
                try await withTaskExecutorPreference(executor) {
                    try await call(index, message, context, span, start)
                }
            } else {
                try await call(index, message, context, span, start)
            }
            noteEnd(of: stage, nil, since: start)
        } catch {
            noteEnd(of: stage, error, since: start)
            throw error
        }
    }

    private func call(
        _ index: Int, _ message: Message, _ context: MessageContext, _ span: (any Tracing.Span)?, _ start: Duration
    ) async throws {
        let step = steps[index]
        if let deadlines = step.deadlines {
            try await call(step.stage, message, context, span, within: deadlines) {
                self.noteThat(step.stage, passed: $0, for: message, since: start)
                try await self.step(index + 1, $0, $1)
            }
        } else {
            try await call(step.stage, message, context, span) {
                noteThat(step.stage, passed: $0, for: message, since: start)
                try await self.step(index + 1, $0, $1)
            }
        }
    }

    // MARK: The trace

    private func noteThat(_ stage: Stage, passed changed: Message, for message: Message, since start: Duration) {
        notes?.note(.passed, stage: stage.name, took: time.uptime - start, message, changed)
    }

    /// Notes what became of a message that went no further.
    private func noteEnd(of stage: Stage, _ error: (any Error)?, since start: Duration) {
        guard let notes, passage == .dropped(stage: stage.name) else { return }
        notes.note(PassageTrace.Record.Outcome(of: error) ?? .dropped, stage: stage.name, took: time.uptime - start)
    }
}
