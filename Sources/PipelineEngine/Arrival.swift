import Synchronization

/// Notes how far a message came.
final class Arrival: Sendable {
    private let place = Mutex(Passage.delivered)

    var passage: Passage { place.withLock { $0 } }

    /// The message is with this stage; nil: with the terminal. A stage that passes it on is followed by another call.
    func reach(_ stage: String?) {
        place.withLock { $0 = stage.map { .dropped(stage: $0) } ?? .delivered }
    }
}
