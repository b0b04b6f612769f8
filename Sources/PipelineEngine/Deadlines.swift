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
        var alarm: Task<Void, Never>?
        /// Tells the alarm that was set last from those before it.
        var alarms = 0
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
        state.withLock { state in
            state.members[ObjectIdentifier(member)] = member
            guard state.alarm == nil else { return }
            state.alarms += 1
            let number = state.alarms
            // No call is its parent: it serves all that are watched, and ends or is cancelled when there are none.
            state.alarm = Task { await self.ring(number) }
        }
    }

    func forget(_ member: some Member) {
        state.withLock { state in
            state.members[ObjectIdentifier(member)] = nil
            guard state.members.isEmpty else { return }
            state.alarm?.cancel()
            state.alarm = nil
        }
    }

    private func ring(_ number: Int) async {
        while let pause = pause(number) {
            do { try await time.sleep(for: pause) } catch { return }
            for member in takeDue() where !member.expire(at: time.uptime) { watch(member) }
        }
    }

    /// Until the next one is due; nil: there is none, or another alarm is set.
    private func pause(_ number: Int) -> Duration? {
        state.withLock { state in
            guard state.alarms == number, state.alarm != nil else { return nil }
            let now = time.uptime
            let pause = state.members.values.map { $0.remaining(at: now) }.min()
            if pause == nil { state.alarm = nil }
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
