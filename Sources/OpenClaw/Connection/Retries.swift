/// Counts what went wrong in a row, so that no gateway is ever asked in a storm.
struct Retries: Sendable {
    /// What may be tried once, at once, before the slow retries begin.
    enum Special: Sendable, Hashable { case olderSignature, withDeviceToken, withoutDeviceToken, freshNonce }

    /// A gateway that starts is asked this often at once; one that never gets ready, slower after that.
    private static let fastLimit = 30
    /// A connection that ends sooner is no success.
    private static let shortestGoodConnection = Duration.seconds(10)
    private static let shortLimit = 3
    /// After so many slow retries the pauses become longer.
    private static let minuteRetries = 10

    private var backoff: Backoff
    private var slowFailures = 0
    private var fastRetries = 0
    private var shortConnections = 0
    private var used: Set<Special> = []

    init(first: Duration = .seconds(1), random: @escaping @Sendable () -> Double) {
        backoff = Backoff(first: first, random: random)
    }

    /// 1 s, doubled up to a minute.
    mutating func grow() -> Duration { backoff.next() }

    /// Every 60 s for ten times, then every 5 minutes: an admin can repair it at any time.
    mutating func slow(atLeast least: Duration) -> Duration {
        slowFailures += 1
        let isEveryMinute = slowFailures <= Self.minuteRetries
        // A second attempt at once counts as a failure for a gateway that counts them.
        if !isEveryMinute { used = [] }
        return max(backoff.spread(.seconds(isEveryMinute ? 60 : 300)), backoff.spreadUpwards(least))
    }

    func spread(_ delay: Duration) -> Duration { backoff.spread(delay) }

    /// Nil when it was asked at once too often already.
    mutating func fast(_ delay: Duration) -> Duration? {
        fastRetries += 1
        return fastRetries <= Self.fastLimit ? delay : nil
    }

    /// True the first time since the last hello, and before each of the slow retries that are five minutes apart.
    mutating func use(_ special: Special) -> Bool { used.insert(special).inserted }

    /// - Parameter isLimited: The gateway lets us in and gives too few rights: somebody must act, as after a refusal.
    mutating func connected(isLimited: Bool) {
        if !isLimited { slowFailures = 0 }
        (fastRetries, used) = (0, [])
        if shortConnections < Self.shortLimit { backoff.reset() }
    }

    mutating func disconnected(after lifetime: Duration) {
        guard lifetime >= Self.shortestGoodConnection else {
            shortConnections += 1
            return
        }
        shortConnections = 0
        backoff.reset()
    }
}
