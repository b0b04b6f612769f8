import Testing

@testable import Stages

@Suite struct TokenBucketTests {
    private let rate = TokenBucket.Rate(interval: .seconds(2), capacity: 3)

    @Test func aFullBucketHasItsCapacityAndThenOneTokenAnInterval() {
        var bucket = TokenBucket(fullAt: .zero)
        for _ in 0..<3 {
            #expect(bucket.wait(at: .zero, rate) == .zero)
            bucket.take(at: .zero, rate)
        }
        #expect(bucket.fullAt == .seconds(6))
        #expect(bucket.wait(at: .zero, rate) == .seconds(2))
        #expect(bucket.wait(at: .milliseconds(1500), rate) == .milliseconds(500))
        #expect(bucket.wait(at: .seconds(2), rate) == .zero)
        bucket.take(at: .seconds(2), rate)
        #expect(bucket.wait(at: .seconds(2), rate) == .seconds(2))
    }

    @Test func noMoreThanTheCapacityIsSaved() {
        var bucket = TokenBucket(fullAt: .zero)
        bucket.take(at: .zero, rate)
        let later = Duration.seconds(1_000_000)
        for _ in 0..<3 { bucket.take(at: later, rate) }
        #expect(bucket.wait(at: later, rate) == .seconds(2))
    }

    @Test func takingFromAnEmptyBucketMakesItNoEmptier() {
        var bucket = TokenBucket(fullAt: .zero)
        for _ in 0..<10 { bucket.take(at: .zero, rate) }
        #expect(bucket.fullAt == rate.fillTime)
    }

    /// As many get through as the rate says, however the interval rounds.
    @Test(arguments: [3, 7, 13, 997])
    func manyTokensDoNotDrift(requests: Int) {
        let rate = TokenBucket.Rate(interval: .seconds(60) / requests, capacity: 1)
        var bucket = TokenBucket(fullAt: .zero)
        var now = Duration.zero
        for _ in 0..<(100 * requests) {
            now += bucket.wait(at: now, rate)
            bucket.take(at: now, rate)
        }
        now += bucket.wait(at: now, rate)
        #expect(now <= .seconds(6000) && now > .seconds(6000) - .nanoseconds(1))
    }

    @Test func aClockThatGoesBackCostsAtMostOneFilling() {
        var bucket = TokenBucket(fullAt: .zero)
        bucket.take(at: .seconds(1000), rate)
        #expect(bucket.wait(at: .zero, rate) == rate.interval)
        bucket.take(at: .zero, rate)
        #expect(bucket.fullAt == rate.fillTime)
        #expect(bucket.wait(at: rate.fillTime, rate) == .zero)
    }

    @Test func aClockThatJumpsFillsTheBucketAndNoMore() {
        var bucket = TokenBucket(fullAt: .zero)
        for _ in 0..<3 { bucket.take(at: .zero, rate) }
        let jump = Duration.seconds(3_000_000_000)
        for _ in 0..<3 {
            #expect(bucket.wait(at: jump, rate) == .zero)
            bucket.take(at: jump, rate)
        }
        #expect(bucket.wait(at: jump, rate) == rate.interval)
    }

    @Test func theLargestLimitDoesNotOverflow() {
        let rate = TokenBucket.Rate(interval: .seconds(31_536_000), capacity: 1_000_000_000)
        var bucket = TokenBucket(fullAt: .zero)
        bucket.take(at: .seconds(1_000_000_000), rate)
        #expect(bucket.wait(at: .seconds(1_000_000_000), rate) == .zero)
    }
}
