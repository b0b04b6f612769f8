import Testing

@testable import Stages

@Suite struct TokenBucketTests {
    private let rate = TokenBucket.Rate(interval: .seconds(2), capacity: 3)

    @Test func aFullBucketHasItsCapacityAndThenOneTokenAnInterval() {
        var bucket = TokenBucket()
        for _ in 0..<3 {
            #expect(bucket.wait(at: .zero, rate) == .zero)
            bucket.take(at: .zero, rate)
        }
        #expect(bucket.wait(at: .zero, rate) == .seconds(2))
        #expect(bucket.wait(at: .milliseconds(1500), rate) == .milliseconds(500))
        #expect(bucket.wait(at: .seconds(2), rate) == .zero)
        bucket.take(at: .seconds(2), rate)
        #expect(bucket.wait(at: .seconds(2), rate) == .seconds(2))
    }

    @Test func noMoreThanTheCapacityIsSaved() {
        var bucket = TokenBucket()
        bucket.take(at: .zero, rate)
        let later = Duration.seconds(1_000_000)
        #expect(bucket.isFull(at: later))
        for _ in 0..<3 { bucket.take(at: later, rate) }
        #expect(bucket.wait(at: later, rate) == .seconds(2))
    }

    @Test func manyTokensDoNotDrift() {
        let odd = TokenBucket.Rate(interval: .seconds(1) / 3, capacity: 1)
        var bucket = TokenBucket()
        var now = Duration.zero
        for _ in 0..<30_000 {
            now += bucket.wait(at: now, odd)
            bucket.take(at: now, odd)
        }
        #expect(abs(now / .milliseconds(1) - 9_999_666) < 1)
    }

    @Test func aClockThatGoesBackCostsAtMostOneFilling() {
        var bucket = TokenBucket()
        bucket.take(at: .seconds(1000), rate)
        #expect(bucket.wait(at: .zero, rate) <= rate.fillTime)
    }
}
