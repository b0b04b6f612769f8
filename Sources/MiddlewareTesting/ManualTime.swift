public import MiddlewareKit
import Synchronization

/// A clock that stands still until a test moves it.
public final class ManualTime: TimeSource {
    private struct Sleeper {
        let wakesAt: Duration
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct Watcher {
        let id: Int
        /// Whether those who sleep now are the ones that are waited for.
        let isSatisfied: @Sendable (State) -> Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var uptime: Duration = .zero
        var sleepers: [Int: Sleeper] = [:]
        var nextID = 0
        var watchers: [Watcher] = []

        /// Those who wait for nobody else to fall asleep.
        mutating func takeDueWatchers() -> [Watcher] {
            let (now, all) = (self, watchers)
            watchers = all.filter { !$0.isSatisfied(now) }
            return all.filter { $0.isSatisfied(now) }
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
        await wait { $0.sleepers.count >= count }
    }

    /// Returns once a task is asleep that wakes up in just so long: then the clock may be moved without it missing that.
    public func waitForSleeper(of duration: Duration) async {
        await wait { state in state.sleepers.values.contains { $0.wakesAt == state.uptime + duration } }
    }

    private func wait(until isSatisfied: @escaping @Sendable (State) -> Bool) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let due = state.withLock { state in
                    state.watchers.append(Watcher(id: id, isSatisfied: isSatisfied, continuation: continuation))
                    return state.takeDueWatchers()
                }
                for watcher in due { watcher.continuation.resume() }
                // The handler below may have run before there was anybody to let go.
                if Task.isCancelled { letGo(id) }
            }
        } onCancel: {
            letGo(id)
        }
    }

    /// A test that is out of time does not wait for ever.
    private func letGo(_ id: Int) {
        let watcher = state.withLock { state in
            state.watchers.firstIndex { $0.id == id }.map { state.watchers.remove(at: $0) }
        }
        watcher?.continuation.resume()
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
