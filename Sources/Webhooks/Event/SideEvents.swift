import JSON
import MiddlewareKit
import Synchronization

/// Events that belong to no message: says which of them are told of, and has those that could not be stored, for another try.
/// Bounded: when too many wait, the newest are dropped and counted.
final class SideEvents: Sendable {
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

    init(time: any TimeSource) { self.time = time }

    /// Nil when there were too many of its kind.
    func make(_ type: EventType, _ data: JSONObject) -> WebhookEvent? {
        guard type == .requestRejected else { return WebhookEvent(type, timestamp: time.now, data: data) }
        let omitted: Int64? = state.withLock { state in
            let second = time.uptime.components.seconds
            if second != state.second { (state.second, state.rejections) = (second, 0) }
            guard state.rejections < Self.rejectionsPerSecond else {
                state.omitted += 1
                return nil
            }
            state.rejections += 1
            defer { state.omitted = 0 }
            return state.omitted
        }
        guard let omitted else { return nil }
        var data = data
        data["omitted"] = .integer(omitted)
        return WebhookEvent(type, timestamp: time.now, data: data)
    }

    /// It could not be stored.
    func keep(_ event: WebhookEvent) {
        state.withLock { state in
            if state.waiting.count < Self.capacity { state.waiting.append(event) } else { state.dropped += 1 }
        }
    }

    /// What is kept, and how many were dropped since the last call.
    func take() -> (events: [WebhookEvent], dropped: Int) {
        state.withLock { state in
            defer { (state.waiting, state.dropped) = ([], 0) }
            return (state.waiting, state.dropped)
        }
    }

    /// They could not be stored again; they go first next time.
    func putBack(_ events: [WebhookEvent]) {
        state.withLock { $0.waiting.insert(contentsOf: events, at: 0) }
    }
}
