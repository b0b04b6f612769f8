/// The state of one key's limit: `capacity` tokens at most, refilled evenly.
///
/// Kept as the moment at which the bucket is full again, so that there is nothing to refill and nothing to round. Times are
/// those of one clock; a clock that jumps or goes back makes a bucket neither fuller than full nor emptier than empty.
struct TokenBucket: Sendable, Hashable {
    /// What a limit allows, in durations.
    struct Rate: Sendable, Hashable {
        /// The time in which one token comes back.
        let interval: Duration
        let capacity: Int

        /// The time in which an empty bucket becomes full.
        var fillTime: Duration { interval * capacity }
    }

    private(set) var fullAt: Duration

    /// A bucket that is full at a moment, and after it.
    init(fullAt: Duration) { self.fullAt = fullAt }

    /// How long to wait for a token; zero: there is one now.
    func wait(at now: Duration, _ rate: Rate) -> Duration {
        max(.zero, missing(at: now, rate) + rate.interval - rate.fillTime)
    }

    /// Takes a token. Ask `wait` first: a bucket without one is not made emptier than empty.
    mutating func take(at now: Duration, _ rate: Rate) {
        fullAt = now + min(missing(at: now, rate) + rate.interval, rate.fillTime)
    }

    /// The time until the bucket is full.
    private func missing(at now: Duration, _ rate: Rate) -> Duration {
        min(max(.zero, fullAt - now), rate.fillTime)
    }
}
