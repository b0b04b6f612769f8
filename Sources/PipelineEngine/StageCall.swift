import Logging
import MiddlewareKit
import Synchronization
import Tracing

/// Called when a stage turns a message away, or fails and lets it go no further.
typealias RejectionHandler<Message> =
    @Sendable (
        _ message: Message, _ context: MessageContext, _ stage: String, _ code: String
    ) -> Void

/// One call of one stage: watches that `next` is called at most once and in time, counts, and applies `on-error`.
extension ChainPath {
    /// Calls a stage that may take as long as it likes. Nobody else has a hand in the call, so it needs no lock and no memory
    /// beyond its frame.
    ///
    /// - Parameter span: From the call until the stage hands the message on, or is done with it.
    func call(
        _ stage: Stage, _ message: Message, _ context: MessageContext, _ span: (any Tracing.Span)?,
        next: (Message, MessageContext) async throws -> Void
    ) async throws {
        var progress = CallProgress(startedAt: time.uptime)
        do {
            try await message.meet(stage.middleware, context: context) { changed, context in
                try progress.open(at: time.uptime)
                span?.end()
                if changed.differs(from: message) { stage.figures.recordChange() }
                try await withTaskExecutorPreference(stage.executorBelow) {
                    defer { progress.close(at: time.uptime) }
                    do {
                        try await next(changed, context)
                    } catch {
                        progress.note(downstream: error)
                        throw error
                    }
                }
            }
            span?.end()
            stage.figures.record(progress.hasPassed ? .passed : .dropped, took: progress.ownTime(at: time.uptime))
        } catch {
            let own = progress.ownTime(at: time.uptime)
            try judge(error, of: stage, message, context, span, progress, own)
            try await next(message, context)
        }
    }

    /// Calls a stage that has a time limit. The clock stands still while the stages below are at work.
    ///
    /// The stage runs in a task of its own that nobody waits for: a stage that hangs and ignores cancellation must not
    /// hold up its run. What it does afterwards has no effect, since its gate is barred. The task of a quick stage begins where
    /// the call is: if it has nothing to wait for it costs no hop, and no alarm is set for it. Any other stage might block its
    /// thread, so it gets another one than who waits for it.
    func call(
        _ stage: Stage, _ message: Message, _ context: MessageContext, _ span: (any Tracing.Span)?,
        within deadlines: Deadlines,
        next: @escaping @Sendable (Message, MessageContext) async throws -> Void
    ) async throws {
        let gate = StageGate(startedAt: time.uptime, limit: deadlines.limit)
        do {
            let enter: @Sendable () async -> Void = { [time] in
                do {
                    try await message.meet(stage.middleware, context: context) { changed, context in
                        try gate.open(at: time.uptime)
                        span?.end()
                        if changed.differs(from: message) { stage.figures.recordChange() }
                        // The clock must go on even if the stage finds no thread to go on with.
                        try await withTaskExecutorPreference(stage.executorBelow) {
                            defer { gate.close(at: time.uptime) }
                            do {
                                try await next(changed, context)
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
            span?.end()
            let progress = gate.progress
            stage.figures.record(progress.hasPassed ? .passed : .dropped, took: progress.ownTime(at: time.uptime))
        } catch {
            // From here on, so that passing the message on does not double it.
            let progress = gate.bar()
            let own = progress.ownTime(at: time.uptime)
            try judge(error, of: stage, message, context, span, progress, own)
            try await next(message, context)
        }
    }

    /// Runs a shadow beside the message: for its figures and the trace. It gets the message, and its `next` leads nowhere.
    func callShadow(_ step: PathStep, _ message: Message, _ context: MessageContext, _ notes: PathNotes<Message>?) {
        guard let deadlines = step.deadlines else { return }
        let stage = step.stage
        let path = ChainPath(message, context, steps: [], time: time) { _, _ in }
        runShadow(stage, notes) { [time] in
            var context = context
            context.isShadow = true
            let passed = Mutex<Message?>(nil)
            let start = time.uptime
            var outcome = PassageTrace.Record.Outcome.passed
            do {
                try await path.call(stage, message, context, nil, within: deadlines) { changed, _ in
                    passed.withLock { $0 = changed }
                }
                if passed.withLock({ $0 == nil }) { outcome = .dropped }
            } catch {
                context.logger.debug("stage \(stage.name) (shadow) would have stopped the message: \(error)")
                outcome = .init(of: error) ?? .failed
            }
            notes?.note(
                outcome, stage: stage.name, isShadow: true, took: time.uptime - start, message,
                passed.withLock { $0 } ?? message)
        }
    }

    /// Counts an error, and decides what it means for the message.
    ///
    /// - Throws: What goes back to the sender, unless the message may go on without the stage.
    private func judge(
        _ error: any Error, of stage: Stage, _ message: Message, _ context: MessageContext,
        _ span: (any Tracing.Span)?, _ progress: CallProgress, _ own: Duration
    ) throws {
        if let cause = progress.downstreamError {
            // Another stage's doing, and already counted there.
            stage.figures.record(.passed, took: own)
            throw error is StageTimeout ? cause : error
        }
        let cause: StageFailure.Cause
        switch error {
        case let rejection as Rejection:
            span?.end(error: rejection.code)
            stage.figures.record(.rejected, took: own)
            tellOfRejection(of: message, context, stage, rejection.code)
            throw error
        case let timeout as StageTimeout:
            stage.figures.record(.timedOut, took: own)
            cause = .timedOut(after: timeout.limit)
        default:
            stage.figures.record(.failed, took: own)
            cause = .threw(error)
        }
        let failure = StageFailure(stage: stage.name, cause: cause)
        span?.end(error: failure.rejection.code)
        context.logger.error("stage \(stage.name) failed: \(error)")
        // Once the stage has passed the message on, passing it on again would double it.
        guard stage.onError == .open, !progress.hasPassed else {
            tellOfRejection(of: message, context, stage, failure.rejection.code)
            throw failure
        }
    }

    /// Unless the message has arrived: then it did go further.
    private func tellOfRejection(of message: Message, _ context: MessageContext, _ stage: Stage, _ code: String) {
        guard passage != .delivered else { return }
        onRejection?(message, context, stage.name, code)
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

/// A stage used up its `timeout`.
struct StageTimeout: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "it took longer than \(limit.optionText)" }
}
