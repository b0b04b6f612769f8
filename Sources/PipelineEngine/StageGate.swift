import Synchronization

/// Stands between a stage with a time limit and the stages below it for one message: the stage, the clock and the caller
/// meet here.
final class StageGate: Deadlines.Member {
    private struct State {
        var progress: CallProgress
        var result: Result<Void, any Error>?
        var continuation: CheckedContinuation<Void, any Error>?
        var work: Task<Void, Never>?

        /// - Returns: Who waits for it.
        mutating func finish(_ result: Result<Void, any Error>) -> CheckedContinuation<Void, any Error>? {
            guard self.result == nil else { return nil }
            self.result = result
            defer { continuation = nil }
            return continuation
        }
    }

    private let state: Mutex<State>
    private let limit: Duration

    init(startedAt: Duration, limit: Duration) {
        state = Mutex(State(progress: CallProgress(startedAt: startedAt)))
        self.limit = limit
    }

    var progress: CallProgress { state.withLock { $0.progress } }

    func open(at now: Duration) throws { try state.withLock { try $0.progress.open(at: now) } }

    func close(at now: Duration) { state.withLock { $0.progress.close(at: now) } }

    func note(downstream error: any Error) { state.withLock { $0.progress.note(downstream: error) } }

    /// The call is over. Returns how far it was.
    func bar() -> CallProgress {
        state.withLock { state in
            defer { state.progress.bar() }
            return state.progress
        }
    }

    /// How the call ends. The clock is asked only if that is not known at once.
    func result(of work: Task<Void, Never>, within deadlines: Deadlines) async throws {
        if let result = state.withLock({ $0.result }) { return try result.get() }
        state.withLock { $0.work = work }
        deadlines.watch(self)
        defer { deadlines.forget(self) }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state in
                    if state.result == nil { state.continuation = continuation }
                    return state.result
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            breakOff()
        }
    }

    /// The caller was cancelled: nobody waits for the stage any more.
    private func breakOff() {
        let work = state.withLock { state in
            state.progress.bar()
            return state.work
        }
        work?.cancel()
        finish(.failure(CancellationError()))
    }

    /// The first call decides.
    func finish(_ result: Result<Void, any Error>) {
        let continuation = state.withLock { $0.finish(result) }
        continuation?.resume(with: result)
    }

    func remaining(at now: Duration) -> Duration { state.withLock { $0.progress.remaining(of: limit, at: now) } }

    /// From the same moment on the stage cannot hand the message on: it is too late for that, whoever waits for it may not know yet.
    func expire(at now: Duration) -> Bool {
        let timeout = Result<Void, any Error>.failure(StageTimeout(limit: limit))
        var work: Task<Void, Never>?
        var continuation: CheckedContinuation<Void, any Error>?
        let isOver = state.withLock { state in
            guard state.result == nil else { return true }
            guard state.progress.remaining(of: limit, at: now) <= .zero else { return false }
            state.progress.bar()
            work = state.work
            continuation = state.finish(timeout)
            return true
        }
        work?.cancel()
        continuation?.resume(with: timeout)
        return isOver
    }
}
