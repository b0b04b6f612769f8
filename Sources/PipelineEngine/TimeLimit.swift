package import MiddlewareKit
import Synchronization

/// Lets `work` run for at most `limit`. What goes on after that, since it ignores its cancellation, is left behind.
///
/// - Parameters:
///   - executor: Where it works; nil: anywhere.
///   - failure: What is thrown when the time is over.
///   - endsWithCaller: Whether a cancelled caller waits no longer, and the work is cancelled with it.
///   - discard: What becomes of a result for which nobody waits any more.
package func within<Result: Sendable>(
    _ limit: Duration, _ clock: any TimeSource, on executor: (any TaskExecutor)?, orElse failure: some Error,
    endsWithCaller: Bool = false, discard: @escaping @Sendable (Result) async -> Void = { _ in },
    _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let race = Race<Result>()
    return try await withTaskCancellationHandler {
        try await run(race, limit, clock, on: executor, orElse: failure, discard: discard, work)
    } onCancel: {
        if endsWithCaller { race.end(.failure(CancellationError())) }
    }
}

private func run<Result: Sendable>(
    _ race: Race<Result>, _ limit: Duration, _ clock: any TimeSource, on executor: (any TaskExecutor)?,
    orElse failure: some Error, discard: @escaping @Sendable (Result) async -> Void,
    _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        // The caller may have been cancelled before.
        guard race.start(continuation) else { return continuation.resume(throwing: CancellationError()) }
        // Nobody waits for work that ignores its cancellation.
        let work = Task(executorPreference: executor) {
            do {
                let result = try await work()
                if !race.end(.success(result)) { await discard(result) }
            } catch {
                race.end(.failure(error))
            }
        }
        // Not a child either, which would hold up the one that waits until its time is over. There is one for each race, and it is
        // cancelled when the race is over.
        let alarm = Task {
            try await clock.sleep(for: limit)
            race.end(.failure(failure))
        }
        race.onEnd {
            alarm.cancel()
            work.cancel()
        }
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

    /// False: it is over already.
    func start(_ continuation: CheckedContinuation<Result, any Error>) -> Bool {
        state.withLock { state in
            if !state.isOver { state.continuation = continuation }
            return !state.isOver
        }
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
