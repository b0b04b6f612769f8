package import MiddlewareKit
import Synchronization

/// Lets `work` run for at most `limit`. What goes on after that, since it ignores its cancellation, is left behind.
///
/// - Parameters:
///   - executor: Where it works; nil: anywhere.
///   - failure: What is thrown when the time is over.
package func within<Result: Sendable>(
    _ limit: Duration, _ clock: any TimeSource, on executor: (any TaskExecutor)?, orElse failure: some Error,
    _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let race = Race<Result>()
    return try await withCheckedThrowingContinuation { continuation in
        race.start(continuation)
        // Nobody waits for work that ignores its cancellation.
        let work = Task(executorPreference: executor) {
            do { race.end(.success(try await work())) } catch { race.end(.failure(error)) }
        }
        // Not a child either, which would hold up the one that waits until its time is over. There is one for each race, and it is
        // cancelled when the race is over.
        let alarm = Task {
            try await clock.sleep(for: limit)
            if race.end(.failure(failure)) { work.cancel() }
        }
        race.onEnd { alarm.cancel() }
    }
}

/// Two tasks of which the first to end decides.
private final class Race<Result: Sendable>: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Result, any Error>?
        var cleanup: (@Sendable () -> Void)?
        var isOver = false
    }

    private let state = Mutex(State())

    func start(_ continuation: CheckedContinuation<Result, any Error>) {
        state.withLock { $0.continuation = continuation }
    }

    /// True for the first call.
    @discardableResult
    func end(_ result: Swift.Result<Result, any Error>) -> Bool {
        let (continuation, cleanup) = state.withLock { state in
            defer { (state.continuation, state.cleanup, state.isOver) = (nil, nil, true) }
            return (state.continuation, state.cleanup)
        }
        continuation?.resume(with: result)
        cleanup?()
        return continuation != nil
    }

    /// Runs `action` when it is over, at once if it is.
    func onEnd(_ action: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            if !state.isOver { state.cleanup = action }
            return state.isOver
        }
        if isOver { action() }
    }
}
