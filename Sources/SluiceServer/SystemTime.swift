import Foundation
package import MiddlewareKit

/// The machine's clocks.
package struct SystemTime: TimeSource {
    private let origin = ContinuousClock.now

    package init() {}

    package var now: Timestamp {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }

    package var uptime: Duration { origin.duration(to: .now) }

    package func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration, clock: .continuous)
    }
}
