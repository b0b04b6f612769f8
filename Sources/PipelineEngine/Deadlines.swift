import MiddlewareKit
import Synchronization

/// Watches over calls that all have the same time limit, by one task for all of them. Safe to use from anywhere.
final class Deadlines: Sendable {
    protocol Member: AnyObject, Sendable {
        /// Not above zero: its time is up.
        func remaining(at now: Duration) -> Duration
        /// - Returns: False: it has time left after all.
        func expire(at now: Duration) -> Bool
    }

    private struct State {
        var members: [ObjectIdentifier: any Member] = [:]
        /// Whether the alarm is set.
        var isSet = false
    }

    let limit: Duration
    private let time: any TimeSource
    private let state = Mutex(State())

    init(limit: Duration, time: any TimeSource) {
        self.limit = limit
        self.time = time
    }

    /// Nobody who comes later is due earlier, so the alarm that is set stays right.
    func watch(_ member: some Member) {
        let mustSet = state.withLock { state in
            state.members[ObjectIdentifier(member)] = member
            defer { state.isSet = true }
            return !state.isSet
        }
        // No call is its parent: it serves all that are watched. It stays set when there are none for a while, as setting it costs more
        // than most calls do, and ends when it rings for nobody.
        if mustSet { Task { await ring() } }
    }

    func forget(_ member: some Member) {
        state.withLock { $0.members[ObjectIdentifier(member)] = nil }
    }

    private func ring() async {
        while let pause = pause() {
            do { try await time.sleep(for: pause) } catch { return state.withLock { $0.isSet = false } }
            for member in takeDue() where !member.expire(at: time.uptime) { watch(member) }
        }
    }

    /// Until the next one is due; nil: there is none.
    private func pause() -> Duration? {
        state.withLock { state in
            let now = time.uptime
            let pause = state.members.values.map { $0.remaining(at: now) }.min()
            if pause == nil { state.isSet = false }
            return pause.map { max($0, .zero) }
        }
    }

    private func takeDue() -> [any Member] {
        state.withLock { state in
            let now = time.uptime
            let due = state.members.filter { $0.value.remaining(at: now) <= .zero }
            for id in due.keys { state.members[id] = nil }
            return Array(due.values)
        }
    }
}
