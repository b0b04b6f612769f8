import MiddlewareKit
import Synchronization

/// The clock of a replay: it shows when the messages were recorded, so that limits count as they did then. Only who sleeps
/// on it does so in real time.
final class ReplayTime: TimeSource {
    private let start: Timestamp
    private let passed = Mutex(Duration.zero)

    init(start: Timestamp) { self.start = start }

    var uptime: Duration { passed.withLock { $0 } }
    var now: Timestamp { Timestamp(milliseconds: start.milliseconds + uptime.wholeMilliseconds) }

    /// It never goes back.
    func advance(to time: Timestamp) {
        passed.withLock { $0 = max($0, .milliseconds(time.milliseconds - start.milliseconds)) }
    }

    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
