import Logging
import MiddlewareKit
import Synchronization
import Tracing

/// One way through the chain for one message: the stages of its path in order, then the terminal.
///
/// The functions that follow a message from stage to stage call one another, so each of them stays in memory until the message has
/// arrived: there are few of them, and what they hold is small. What they need for a moment only is in functions that are not
/// inlined (`@inline(never)`), or the compiler would keep room for it in each of them.
final class ChainPath<Message: ChainMessage>: Sendable {
    let time: any TimeSource
    let tracer: (any Tracer)?
    let notes: PathNotes<Message>?
    let onRejection: RejectionHandler<Message>?
    private let steps: [PathStep]
    private let terminal: @Sendable (Message, MessageContext) async throws -> Void
    /// The step that has the message; none has it at first, and behind the last one it has arrived.
    private let place = Atomic(-1)

    init(
        steps: [PathStep], time: any TimeSource, tracer: (any Tracer)? = nil, notes: PathNotes<Message>? = nil,
        onRejection: RejectionHandler<Message>? = nil,
        terminal: @escaping @Sendable (Message, MessageContext) async throws -> Void
    ) {
        self.steps = steps
        self.time = time
        self.tracer = tracer
        self.notes = notes
        self.onRejection = onRejection
        self.terminal = terminal
    }

    func run(_ message: Message, context: MessageContext) async throws -> Passage {
        notes?.begin()
        do {
            try await go(from: 0, message, context)
            notes?.end(passage)
            return passage
        } catch {
            // What a stage does when the message has arrived is too late for it.
            notes?.end(hasArrived ? .delivered : nil)
            throw error
        }
    }

    var hasArrived: Bool { place.load(ordering: .relaxed) == steps.count }

    /// Of a message that came to its end.
    private var passage: Passage {
        let place = place.load(ordering: .relaxed)
        return steps.indices.contains(place) ? .dropped(stage: steps[place].stage.name) : .delivered
    }

    /// From a step on: to the next stage that the message meets, or to the terminal.
    ///
    /// - Parameter isThere: It is on the threads of that stage already.
    private func go(
        from first: Int, _ message: Message, _ context: MessageContext, isThere: Bool = false
    ) async throws {
        var message = message
        for index in first..<steps.count {
            let step = steps[index]
            if step.rewrites != nil {
                guard let rewritten = try await rewritten(message, context, by: step) else { continue }
                message = rewritten
            }
            guard let prepared = enter(index, message, context) else { continue }
            if let deadlines = step.deadlines {
                return try await call(step.stage, at: index, message, prepared, within: deadlines)
            }
            guard let executor = step.stage.executor, !isThere else {
                return try await call(step, at: index, message, prepared)
            }
            return try await withTaskExecutorPreference(executor) { [message] in
                try await call(step, at: index, message, prepared)
            }
        }
        try await terminal(message, context)
        place.store(steps.count, ordering: .relaxed)
    }

    /// The context with which the message meets the function of a step; nil: it passes it by.
    @inline(never)
    private func enter(_ index: Int, _ message: Message, _ context: MessageContext) -> MessageContext? {
        let step = steps[index]
        guard let calls = step.calls else { return nil }
        guard calls.matches(message.facts(context)) else {
            notes?.note(.skipped, stage: step.stage.name)
            return nil
        }
        var prepared = context
        step.prepare(&prepared, for: message.facts(context))
        guard step.stage.mode == .enforce else {
            callShadow(step, message, prepared)
            return nil
        }
        place.store(index, ordering: .relaxed)
        return prepared
    }

    /// The message with its text as the stage's transform makes it. Nil: the transform failed, and the message goes on without
    /// the stage.
    @inline(never)
    private func rewritten(_ message: Message, _ context: MessageContext, by step: PathStep) async throws -> Message? {
        do {
            return try await message.rewritten(by: step, context, time, notes)
        } catch {
            try noteFailure(of: step.stage, error, context)
            return nil
        }
    }

    /// - Throws: ``StageFailure``, unless the message may go on without the stage.
    @inline(never)
    private func noteFailure(of stage: Stage, _ error: any Error, _ context: MessageContext) throws {
        stage.figures.record(.failed, took: .zero)
        context.logger.error("stage \(stage.name) failed on the text of a reply: \(error)")
        notes?.note(.failed, stage: stage.name)
        guard stage.onError == .open else { throw StageFailure(stage: stage.name, cause: .threw(error)) }
    }

    /// Calls a stage that may take as long as it likes. Nobody else has a hand in the call, so it needs no lock and no memory
    /// beyond its frame.
    @inline(never)
    private func call(
        _ step: PathStep, at index: Int, _ message: Message, _ context: MessageContext
    ) async throws {
        let call = StageCall(of: step.stage, on: self, message, context)
        var progress = CallProgress(startedAt: time.uptime)
        do {
            try await message.meet(step.stage.middleware, context: context) { changed, context in
                try progress.open(at: time.uptime)
                call.hasPassed(changed, progress)
                func goOn() async throws {
                    defer { progress.close(at: time.uptime) }
                    do {
                        try await go(from: index + 1, changed, context, isThere: step.sharesThreads)
                    } catch {
                        progress.note(downstream: error)
                        throw error
                    }
                }
                guard let executor = step.stage.executorBelow, !step.sharesThreads else { return try await goOn() }
                try await withTaskExecutorPreference(executor) { try await goOn() }
            }
            call.hasReturned(progress)
        } catch {
            try call.hasFailed(error, progress)
            try await go(from: index + 1, message, context, isThere: step.sharesThreads)
        }
    }

    /// Calls a stage that has a time limit. The clock stands still while the stages below are at work.
    ///
    /// The stage runs in a task of its own that nobody waits for: a stage that hangs and ignores cancellation must not
    /// hold up its run. What it does afterwards has no effect, since its gate is barred. The task of a quick stage begins where
    /// the call is: if it has nothing to wait for it costs no hop, and no alarm is set for it. Any other stage might block its
    /// thread, so it gets another one than who waits for it.
    @inline(never)
    private func call(
        _ stage: Stage, at index: Int, _ message: Message, _ context: MessageContext, within deadlines: Deadlines
    ) async throws {
        let call = StageCall(of: stage, on: self, message, context)
        let gate = StageGate(startedAt: time.uptime, limit: deadlines.limit)
        do {
            let enter: @Sendable () async -> Void = { [time] in
                do {
                    try await message.meet(stage.middleware, context: context) { changed, context in
                        try gate.open(at: time.uptime)
                        call.hasPassed(changed, gate.progress)
                        // The clock must go on even if the stage finds no thread to go on with.
                        try await withTaskExecutorPreference(stage.executorBelow) {
                            defer { gate.close(at: time.uptime) }
                            do {
                                try await self.go(from: index + 1, changed, context)
                            } catch {
                                gate.note(downstream: error)
                                throw error
                            }
                        }
                    }
                    gate.finish(.success(()))
                } catch {
                    gate.finish(.failure(error))
                }
            }
            let work =
                if let executor = stage.executor {
                    Task(executorPreference: executor, operation: enter)
                } else {
                    Task.immediate(operation: enter)
                }
            try await gate.result(of: work, within: deadlines)
            call.hasReturned(gate.progress)
        } catch {
            // From here on, so that passing the message on does not double it.
            try call.hasFailed(error, gate.bar())
            try await go(from: index + 1, message, context)
        }
    }

    /// Calls a stage beside the message, for its figures and the trace: it gets the message, and its `next` leads nowhere.
    private func callShadow(_ step: PathStep, _ message: Message, _ context: MessageContext) {
        guard let deadlines = step.deadlines else { return }
        let stage = step.stage
        var context = context
        context.isShadow = true
        runShadow(stage, notes) { [notes, time, context] in
            let path = ChainPath(steps: [step], time: time, notes: notes?.ofShadow) { _, _ in }
            path.place.store(0, ordering: .relaxed)
            do {
                try await path.call(stage, at: 0, message, context, within: deadlines)
            } catch {
                context.logger.debug("stage \(stage.name) (shadow) would have stopped the message: \(error)")
            }
        }
    }
}

/// Starts what a shadow does, without waiting for it.
func runShadow<Message>(
    _ stage: Stage, _ notes: PathNotes<Message>?, _ work: @escaping @Sendable () async -> Void
) {
    notes?.trace.hold()
    let isStarted = stage.instance.shadows.start(on: stage.executor) {
        await work()
        notes?.trace.release()
    }
    if !isStarted { notes?.trace.release() }
}
