package import JSON
package import MiddlewareKit
import Synchronization

/// Events that belong to no message, on their way to the outbox. They come from the thread that serves all sockets, so they
/// are only noted here. Bounded: when too many wait, the newest are dropped and counted.
package final class SideEvents: Sendable {
    private static let capacity = 1000
    /// Anybody can be turned away as often as they like; each rejection must not cost a row.
    private static let rejectionsPerSecond = 10

    private struct State {
        var waiting: [WebhookEvent] = []
        var dropped = 0
        var second: Int64 = 0
        var rejections = 0
        /// Rejections since the last one that was noted.
        var omitted: Int64 = 0
    }

    private let state = Mutex(State())
    private let time: any TimeSource

    package init(time: any TimeSource) { self.time = time }

    /// - Returns: Whether it was taken.
    package func note(_ type: EventType, _ data: JSONObject) -> Bool {
        let now = time.now
        return state.withLock { state in
            var data = data
            if type == .requestRejected {
                let second = time.uptime.components.seconds
                if second != state.second { (state.second, state.rejections) = (second, 0) }
                guard state.rejections < Self.rejectionsPerSecond else {
                    state.omitted += 1
                    return false
                }
                state.rejections += 1
                data["omitted"] = .integer(state.omitted)
                state.omitted = 0
            }
            guard state.waiting.count < Self.capacity else {
                state.dropped += 1
                return false
            }
            state.waiting.append(WebhookEvent(type, timestamp: now, data: data))
            return true
        }
    }

    /// What was noted since the last call, and how many were dropped.
    func take() -> (events: [WebhookEvent], dropped: Int) {
        state.withLock { state in
            defer { (state.waiting, state.dropped) = ([], 0) }
            return (state.waiting, state.dropped)
        }
    }

    /// They could not be stored; they go first next time.
    func putBack(_ events: [WebhookEvent]) {
        state.withLock { $0.waiting.insert(contentsOf: events, at: 0) }
    }
}
