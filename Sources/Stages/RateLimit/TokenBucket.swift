/// The state of one key's limit: `capacity` tokens at most, refilled evenly.
///
/// Kept as the moment at which the bucket is full again, so that there is nothing to refill and nothing to round.
struct TokenBucket: Sendable, Hashable {
    /// What a limit allows, in durations.
    struct Rate: Sendable, Hashable {
        /// The time in which one token comes back.
        let interval: Duration
        let capacity: Int

        /// The time in which an empty bucket becomes full.
        var fillTime: Duration { interval * capacity }
    }

    private(set) var fullAt: Duration = .zero

    /// How long to wait for a token; zero: there is one now.
    func wait(at now: Duration, _ rate: Rate) -> Duration {
        max(.zero, missing(at: now, rate) + rate.interval - rate.fillTime)
    }

    mutating func take(at now: Duration, _ rate: Rate) {
        fullAt = now + missing(at: now, rate) + rate.interval
    }

    func isFull(at now: Duration) -> Bool { fullAt <= now }

    /// The time until the bucket is full. A clock that went back cannot make it longer than an empty bucket takes.
    private func missing(at now: Duration, _ rate: Rate) -> Duration {
        min(max(.zero, fullAt - now), rate.fillTime)
    }
}
