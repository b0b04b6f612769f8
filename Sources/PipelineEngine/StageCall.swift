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
struct StageCall<Message: ChainMessage>: Sendable {
    let stage: Stage
    let message: Message
    let context: MessageContext
    let time: any TimeSource
    /// From the call until the stage hands the message on, or is done with it.
    var span: (any Tracing.Span)?
    let onRejection: RejectionHandler<Message>?
    let next: @Sendable (Message, MessageContext) async throws -> Void

    func run() async throws {
        let gate = StageGate(startedAt: time.uptime)
        do {
            if let timeout = stage.timeout {
                try await run(through: gate, timeout: timeout)
            } else if stage.isQuick {
                try await enter(gate)
            } else {
                try await withTaskExecutorPreference(globalConcurrentExecutor) { try await enter(gate) }
            }
            span?.end()
            stage.figures.record(gate.hasPassed ? .passed : .dropped, took: gate.ownTime(at: time.uptime))
        } catch {
            try await recover(from: error, gate: gate)
        }
    }

    /// Runs the stage for its figures. It gets the message, and its `next` leads nowhere.
    func runInShadow() async {
        var context = context
        context.isShadow = true
        let alone = StageCall(
            stage: stage, message: message, context: context, time: time, onRejection: nil
        ) { _, _ in }
        do {
            try await alone.run()
        } catch {
            context.logger.debug("stage \(stage.name) (shadow) would have stopped the message: \(error)")
        }
    }

    private func enter(_ gate: StageGate) async throws {
        try await message.meet(stage.middleware, context: context) { message, context in
            try gate.open(at: time.uptime)
            span?.end()
            defer { gate.close(at: time.uptime) }
            do {
                try await next(message, context)
            } catch {
                gate.noteDownstreamError()
                throw error
            }
        }
    }

    private func recover(from error: any Error, gate: StageGate) async throws {
        let own = gate.ownTime(at: time.uptime)
        if gate.downstreamFailed {
            // Another stage's doing, and already counted there.
            stage.figures.record(.passed, took: own)
            throw error
        }
        let cause: StageFailure.Cause
        switch error {
        case let rejection as Rejection:
            span?.end(error: rejection.code)
            stage.figures.record(.rejected, took: own)
            onRejection?(message, context, stage.name, rejection.code)
            throw error
        case let timeout as StageTimeout:
            stage.figures.record(.timedOut, took: own)
            cause = .timedOut(after: timeout.limit)
        default:
            stage.figures.record(.failed, took: own)
            cause = .threw(error)
        }
        span?.end(error: StageFailure(stage: stage.name, cause: cause).rejection.code)
        context.logger.error("stage \(stage.name) failed: \(error)")
        // Once the stage has passed the message on, passing it on again would double it.
        let mayPassOn = gate.bar()
        guard stage.onError == .open, mayPassOn else {
            let failure = StageFailure(stage: stage.name, cause: cause)
            onRejection?(message, context, stage.name, failure.rejection.code)
            throw failure
        }
        try await next(message, context)
    }

    /// Races the stage against the clock, which stands still while the stages below are at work.
    ///
    /// The stage runs in a task of its own that nobody waits for: a stage that hangs and ignores cancellation must not
    /// hold up its run. What it does afterwards has no effect, since its gate is barred.
    private func run(through gate: StageGate, timeout: Duration) async throws {
        try await withCheckedThrowingContinuation { continuation in
            gate.arm(continuation)
            let work = Task {
                do {
                    try await enter(gate)
                    gate.finish(.success(()))
                } catch {
                    gate.finish(.failure(error))
                }
            }
            let alarm = Task {
                while let remaining = gate.remaining(of: timeout, at: time.uptime) {
                    try await time.sleep(for: remaining)
                }
                if gate.finish(.failure(StageTimeout(limit: timeout))) { work.cancel() }
            }
            gate.onFinish { alarm.cancel() }
        }
    }
}

/// A stage used up its `timeout`.
struct StageTimeout: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "it took longer than \(limit)" }
}
