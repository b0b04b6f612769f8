import MiddlewareKit
import Synchronization

/// The endpoints of a stage as they are now: those of config.yaml and those that were added at run time. The worker keeps it
/// up to date; the stage asks it for each message, so the answers are ready.
package final class EndpointDirectory: Sendable {
    /// An endpoint, and how it goes with it.
    package struct Entry: Sendable {
        package let endpoint: Endpoint
        package var isGone = false
        package var isPaused = false
        /// The stage that it was added to, where no stage has this name any more.
        package var lostStage: String?
    }

    private struct State {
        var entries: [Entry] = []
        var wanted: Set<EventType> = []
    }

    private let state = Mutex(State())

    package init(_ endpoints: [Endpoint]) { update(endpoints.map { Entry(endpoint: $0) }) }

    package var entries: [Entry] { state.withLock { $0.entries } }

    /// Whether any endpoint is told of such events. An event that nobody is told of costs nothing.
    package func wants(_ type: EventType) -> Bool { state.withLock { $0.wanted.contains(type) } }

    func update(_ entries: [Entry]) {
        let enabled = entries.filter(\.endpoint.options.enabled)
        let wanted = Set(enabled.flatMap(\.endpoint.options.events))
        state.withLock { state in
            state.entries = entries
            state.wanted = wanted
        }
    }
}
