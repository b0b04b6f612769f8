import MiddlewareKit
import Synchronization

/// How much of a reply's text a transform may keep back while it streams, and how long a piece may be in its hands.
package struct Hold: Sendable, Hashable {
    package var bytes: Int
    package var time: Duration

    package init(bytes: Int = 256 << 10, time: Duration = .seconds(30)) {
        self.bytes = bytes
        self.time = time
    }

    /// Lets a transform that awaits something work on text.
    ///
    /// - Parameter executor: Where it works; nil: anywhere.
    /// - Throws: ``HoldExceeded`` after `time`, or what `work` throws.
    func bound<Result: Sendable>(
        _ clock: any TimeSource, on executor: (any TaskExecutor)?, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let race = Race<Result>()
        return try await withCheckedThrowingContinuation { continuation in
            race.start(continuation)
            // Nobody waits for work that ignores its cancellation.
            let work = Task(executorPreference: executor) {
                do { race.end(.success(try await work())) } catch { race.end(.failure(error)) }
            }
            let alarm = Task {
                try await clock.sleep(for: time)
                if race.end(.failure(HoldExceeded(limit: time.optionText))) { work.cancel() }
            }
            race.onEnd { alarm.cancel() }
        }
    }
}

/// A transform kept back more text than its `hold` allows, or for longer.
struct HoldExceeded: Error, CustomStringConvertible {
    let limit: String
    var description: String { "it held back text beyond its `hold` of \(limit)" }
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
