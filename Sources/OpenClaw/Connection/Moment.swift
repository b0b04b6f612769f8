package import MiddlewareKit

/// A point in time on both clocks. Comes into the state machine from outside, so that tests own the time.
package struct Moment: Sendable, Equatable {
    package var wall: Timestamp
    /// Never goes back.
    package var uptime: Duration

    package init(wall: Timestamp, uptime: Duration) {
        self.wall = wall
        self.uptime = uptime
    }

    init(_ time: any TimeSource) { self.init(wall: time.now, uptime: time.uptime) }
}

extension Timestamp {
    func advanced(by duration: Duration) -> Timestamp {
        Timestamp(milliseconds: milliseconds + duration.milliseconds)
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
