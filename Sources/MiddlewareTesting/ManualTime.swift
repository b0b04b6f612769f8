public import MiddlewareKit
import Synchronization

/// A clock that stands still until a test moves it.
public final class ManualTime: TimeSource {
    private struct Sleeper {
        let wakesAt: Duration
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct Watcher {
        let count: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var uptime: Duration = .zero
        var sleepers: [Int: Sleeper] = [:]
        var nextID = 0
        var watchers: [Watcher] = []

        /// Those who wait for no more sleepers than there are.
        mutating func takeDueWatchers() -> [Watcher] {
            let due = watchers.filter { $0.count <= sleepers.count }
            watchers.removeAll { $0.count <= sleepers.count }
            return due
        }
    }

    private let start: Timestamp
    private let state = Mutex(State())

    /// - Parameter start: The wall time at the beginning; 1 January 2026 if the test does not care.
    public init(start: Timestamp = Timestamp(milliseconds: 1_767_225_600_000)) { self.start = start }

    public var uptime: Duration { state.withLock { $0.uptime } }
    public var now: Timestamp { Timestamp(milliseconds: start.milliseconds + uptime.wholeMilliseconds) }

    /// Moves the clock, and wakes those whose time has come, the earliest first.
    public func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.uptime += duration
            let now = state.uptime
            let woken = state.sleepers.filter { $0.value.wakesAt <= now }
            for id in woken.keys { state.sleepers[id] = nil }
            return woken.sorted { ($0.value.wakesAt, $0.key) < ($1.value.wakesAt, $1.key) }.map(\.value)
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }

    /// Returns once so many tasks are asleep on this clock: then it may be moved without any of them missing it.
    public func waitForSleepers(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let due = state.withLock { state in
                state.watchers.append(Watcher(count: count, continuation: continuation))
                return state.takeDueWatchers()
            }
            for watcher in due { watcher.continuation.resume() }
        }
    }

    public func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        guard duration > .zero else { return }
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                fallAsleep(id, duration, continuation)
                // The handler below may have run before there was anybody to wake.
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    private func fallAsleep(_ id: Int, _ duration: Duration, _ continuation: CheckedContinuation<Void, any Error>) {
        let due = state.withLock { state in
            state.sleepers[id] = Sleeper(wakesAt: state.uptime + duration, continuation: continuation)
            return state.takeDueWatchers()
        }
        for watcher in due { watcher.continuation.resume() }
    }

    private func cancel(_ id: Int) {
        let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
        sleeper?.continuation.resume(throwing: CancellationError())
    }
}
