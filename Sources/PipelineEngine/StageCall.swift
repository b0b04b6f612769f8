import Logging
import MiddlewareKit
import Tracing

/// Called when a stage turns a message away, or fails and lets it go no further.
typealias RejectionHandler<Message> =
    @Sendable (
        _ message: Message, _ context: MessageContext, _ stage: String, _ code: String
    ) -> Void

/// One call of one stage, as the figures and the trace have it; says what an error means for the message.
///
/// Its functions are not inlined, for the sake of the frames of ``ChainPath``.
struct StageCall<Message: ChainMessage>: Sendable {
    private let stage: Stage
    private let path: ChainPath<Message>
    private let message: Message
    private let context: MessageContext
    /// From the call until the stage hands the message on, or is done with it.
    private let span: (any Tracing.Span)?

    @inline(never)
    init(of stage: Stage, on path: ChainPath<Message>, _ message: Message, _ context: MessageContext) {
        self.stage = stage
        self.path = path
        self.message = message
        self.context = context
        span = path.tracer == nil ? nil : context.startSpan(stage.name, ofKind: .internal, path.tracer)
    }

    /// The stage hands the message on, perhaps changed.
    @inline(never)
    func hasPassed(_ changed: Message, _ progress: CallProgress) {
        span?.end()
        if changed.differs(from: message) { stage.figures.recordChange() }
        path.notes?.note(.passed, stage: stage.name, took: ownTime(progress), message, changed)
    }

    @inline(never)
    func hasReturned(_ progress: CallProgress) {
        let own = ownTime(progress)
        stage.figures.record(progress.hasPassed ? .passed : .dropped, took: own)
        guard !progress.hasPassed else { return }
        span?.end()
        path.notes?.note(.dropped, stage: stage.name, took: own)
    }

    /// Counts an error, and decides what it means for the message.
    ///
    /// - Throws: What goes back to the sender, unless the message may go on without the stage.
    @inline(never)
    func hasFailed(_ error: any Error, _ progress: CallProgress) throws {
        let own = ownTime(progress)
        if let cause = progress.downstreamError {
            // Another stage's doing, and already counted there.
            stage.figures.record(.passed, took: own)
            throw error is StageTimeout ? cause : error
        }
        if let rejection = error as? Rejection {
            span?.end(error: rejection.code)
            stage.figures.record(.rejected, took: own)
            tellTrace(of: rejection, progress, own)
            tellOfRejection(rejection.code)
            throw rejection
        }
        let timeout = error as? StageTimeout
        let failure = StageFailure(
            stage: stage.name, cause: timeout.map { .timedOut(after: $0.limit) } ?? .threw(error))
        stage.figures.record(failure.isTimeout ? .timedOut : .failed, took: own)
        span?.end(error: failure.rejection.code)
        if Task.isCancelled {
            context.logger.notice("stage \(stage.name) was broken off: the server stops")
        } else {
            context.logger.error("stage \(stage.name) failed: \(error)")
        }
        tellTrace(of: failure, progress, own)
        // Once the stage has passed the message on, passing it on again would double it. A stage that was broken off has not failed.
        guard stage.onError == .open, !progress.hasPassed, !Task.isCancelled else {
            tellOfRejection(failure.rejection.code)
            throw failure
        }
    }

    /// Without the stages below.
    private func ownTime(_ progress: CallProgress) -> Duration { progress.ownTime(at: path.time.uptime) }

    private func tellTrace(of error: any Error, _ progress: CallProgress, _ own: Duration) {
        guard let notes = path.notes, !progress.hasPassed, let outcome = PassageTrace.Record.Outcome(of: error)
        else { return }
        notes.note(outcome, stage: stage.name, took: own)
    }

    /// Unless the message has arrived: then it did go further.
    private func tellOfRejection(_ code: String) {
        guard !path.hasArrived else { return }
        path.onRejection?(message, context, stage.name, code)
    }
}

/// A stage used up its `timeout`.
struct StageTimeout: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "it took longer than \(limit.optionText)" }
}
