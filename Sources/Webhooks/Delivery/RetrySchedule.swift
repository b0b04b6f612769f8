/// When an event is tried, and when it is tried again.
package struct RetrySchedule: Sendable, Hashable {
    /// The wait before each attempt; there are as many attempts as waits.
    package let waits: [Duration]
    /// The part of a wait by which it may be longer or shorter, so that many that failed together do not come back together.
    package let jitter: Double

    package init(waits: [Duration], jitter: Double) {
        self.waits = waits
        self.jitter = jitter
    }

    /// The wait after a failed attempt; nil: it was the last one.
    ///
    /// - Parameters:
    ///   - attempts: How many there were.
    ///   - retryAfter: What the endpoint asked for. It is kept if it is no longer than twice the wait.
    ///   - random: Between 0 and 1.
    func wait(after attempts: Int, retryAfter: Duration?, random: Double) -> Duration? {
        guard attempts < waits.count else { return nil }
        let step = waits[attempts]
        let spread = step * (1 + jitter * (2 * random - 1))
        return max(spread, min(retryAfter ?? .zero, step * 2))
    }
}
