/// How long to wait before the next attempt: 1 s, doubled up to 60 s, each with a spread of 20 %, so that many clients
/// of one gateway do not come back at once.
struct Backoff: Sendable {
    /// A number in 0..<1; injected, so that tests are not random.
    let random: @Sendable () -> Double
    private var failures = 0

    init(random: @escaping @Sendable () -> Double) { self.random = random }

    mutating func next() -> Duration {
        let base = min(60.0, Double(1 << min(failures, 6)))
        failures += 1
        return spread(.milliseconds(Int64(base * 1_000)))
    }

    mutating func reset() { failures = 0 }

    /// 20 % more or less.
    func spread(_ delay: Duration) -> Duration { scale(delay, by: 0.8 + 0.4 * random()) }

    /// Up to 20 % more: for a delay that the gateway asks for.
    func spreadUpwards(_ delay: Duration) -> Duration { scale(delay, by: 1 + 0.2 * random()) }

    private func scale(_ delay: Duration, by factor: Double) -> Duration {
        .milliseconds(Int64(Double(delay.milliseconds) * factor))
    }
}
