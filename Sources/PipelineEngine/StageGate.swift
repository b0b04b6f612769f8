import Synchronization

/// Stands between a stage and the stages below it for one message.
///
/// States: waiting -> passing (`next` is running) -> passed; barred from any of them once the call is over, so that a late
/// `next` does nothing.
final class StageGate: Sendable {
    private enum Position { case waiting, passing, passed, barred }

    private struct State {
        var position = Position.waiting
        var everPassed = false
        var downstreamFailed = false
        /// When the stage last got control, and the time it had it before.
        var since: Duration
        var spent: Duration = .zero
        var continuation: CheckedContinuation<Void, any Error>?
        var isFinished = false
        var cleanup: (@Sendable () -> Void)?
    }

    private let state: Mutex<State>

    init(startedAt: Duration) { state = Mutex(State(since: startedAt)) }

    var hasPassed: Bool { state.withLock { $0.everPassed } }
    var downstreamFailed: Bool { state.withLock { $0.downstreamFailed } }

    /// The stage calls `next`.
    func open(at now: Duration) throws {
        try state.withLock { state in
            guard state.position == .waiting else { throw NextMisuse(isLate: state.position == .barred) }
            state.position = .passing
            state.everPassed = true
            state.spent += now - state.since
        }
    }

    /// `next` returns.
    func close(at now: Duration) {
        state.withLock { state in
            if state.position == .passing { state.position = .passed }
            state.since = now
        }
    }

    func noteDownstreamError() { state.withLock { $0.downstreamFailed = true } }

    /// Ends the stage's say in the matter. False when it had passed the message on already.
    func bar() -> Bool {
        state.withLock { state in
            let mayPass = !state.everPassed
            state.position = .barred
            return mayPass
        }
    }

    /// The time that the stage itself had control.
    func ownTime(at now: Duration) -> Duration {
        state.withLock { $0.position == .passing ? $0.spent : $0.spent + (now - $0.since) }
    }

    /// What is left of the stage's time; a whole `timeout` while the stages below are at work; nil when it is used up.
    func remaining(of timeout: Duration, at now: Duration) -> Duration? {
        let left = state.withLock { state in
            state.position == .passing ? timeout : timeout - state.spent - (now - state.since)
        }
        return left > .zero ? left : nil
    }

    func arm(_ continuation: CheckedContinuation<Void, any Error>) {
        state.withLock { $0.continuation = continuation }
    }

    /// Runs `action` when the call is over, at once if it is.
    func onFinish(_ action: @escaping @Sendable () -> Void) {
        let isFinished = state.withLock { state in
            if !state.isFinished { state.cleanup = action }
            return state.isFinished
        }
        if isFinished { action() }
    }

    /// The first call decides; true for it. After a timeout the gate is barred from the same moment on.
    @discardableResult
    func finish(_ result: Result<Void, any Error>) -> Bool {
        let (continuation, cleanup) = state.withLock { state in
            defer { (state.continuation, state.cleanup) = (nil, nil) }
            if state.continuation != nil {
                state.isFinished = true
                if case .failure(is StageTimeout) = result { state.position = .barred }
            }
            return (state.continuation, state.cleanup)
        }
        continuation?.resume(with: result)
        cleanup?()
        return continuation != nil
    }
}

/// A stage called `next` a second time, or after its call was over.
struct NextMisuse: Error, CustomStringConvertible {
    let isLate: Bool
    var description: String {
        isLate ? "it called next after its time was over" : "it called next more than once"
    }
}
