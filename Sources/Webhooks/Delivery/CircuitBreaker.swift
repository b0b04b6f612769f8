/// Leaves somebody alone who fails again and again: one try from time to time, instead of one for each event or message.
///
/// ```
/// closed --failures in a row--> open --time is over--> probing --success--> closed
///                                 ^------------failure (twice the time)--------'
/// ```
package struct CircuitBreaker: Sendable, Hashable {
    package enum Change: Sendable, Hashable {
        case opened(for: Duration)
        case closed
    }

    /// Failures in a row that open it.
    static let threshold = 5
    private static let firstPause: Duration = .seconds(30)
    private static let longestPause: Duration = .seconds(300)

    /// Failures since the last success.
    private var failures = 0
    private var pause: Duration?
    private var pausedUntil: Duration = .zero

    package init() {}

    package var isOpen: Bool { pause != nil }

    /// How many calls may be under way.
    package func allowance(_ concurrency: Int, at now: Duration) -> Int {
        guard isOpen else { return concurrency }
        return now >= pausedUntil ? 1 : 0
    }

    package mutating func noteSuccess() -> Change? {
        defer { (failures, pause) = (0, nil) }
        return isOpen ? .closed : nil
    }

    /// Failures of calls that were under way when it opened count for nothing.
    package mutating func noteFailure(at now: Duration) -> Change? {
        failures += 1
        guard failures >= Self.threshold, now >= pausedUntil else { return nil }
        let next = min(pause.map { $0 * 2 } ?? Self.firstPause, Self.longestPause)
        pause = next
        pausedUntil = now + next
        return .opened(for: next)
    }
}
