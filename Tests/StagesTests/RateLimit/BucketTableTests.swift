import Testing

@testable import Stages

@Suite struct BucketTableTests {
    private let rate = TokenBucket.Rate(interval: .seconds(1), capacity: 10)

    private func take(_ count: Int = 1, _ key: Int, from table: inout BucketTable<Int>, at now: Duration = .zero) {
        var bucket = table.bucket(for: key, at: now)
        for _ in 0..<count { bucket.take(at: now, rate) }
        table.set(bucket, for: key, at: now)
    }

    @Test func aNewKeyHasAFullBucket() {
        let table = BucketTable<Int>(capacity: 10)
        #expect(table.bucket(for: 1, at: .seconds(5)).fullAt == .seconds(5))
        #expect(table.count == 0)
    }

    @Test func everyKeyHasABucketOfItsOwn() {
        var table = BucketTable<Int>(capacity: 10)
        take(3, 1, from: &table)
        take(2, 2, from: &table)
        take(1, 1, from: &table)
        #expect(table.bucket(for: 1, at: .zero).fullAt == .seconds(4))
        #expect(table.bucket(for: 2, at: .zero).fullAt == .seconds(2))
        #expect(table.count == 2)
    }

    @Test func fullBucketsAreForgottenFirst() {
        var table = BucketTable<Int>(capacity: 3)
        take(9, 1, from: &table)
        take(1, 2, from: &table)
        take(9, 3, from: &table)
        // The bucket of 2 is full again; the others are not, though 1 was used longer ago.
        take(1, 4, from: &table, at: .seconds(2))
        #expect(table.bucket(for: 1, at: .seconds(2)).fullAt == .seconds(9))
        #expect(table.bucket(for: 3, at: .seconds(2)).fullAt == .seconds(9))
        #expect(table.bucket(for: 4, at: .seconds(2)).fullAt == .seconds(3))
        #expect(table.count == 3)
    }

    @Test func thenTheLeastRecentlyUsedOfThoseThatAreEquallyEmpty() {
        var table = BucketTable<Int>(capacity: 3)
        for key in 1...3 { take(5, key, from: &table, at: .milliseconds(key)) }
        take(5, 4, from: &table, at: .milliseconds(4))
        #expect(table.bucket(for: 1, at: .milliseconds(4)).fullAt == .milliseconds(4))
        #expect(table.bucket(for: 2, at: .milliseconds(4)).fullAt > .seconds(5))
    }

    @Test func placesOfFullBucketsAreUsedAgainBeforeThereIsNoRoom() {
        var table = BucketTable<Int>(capacity: 100_000)
        for key in 0..<10_000 { take(1, key, from: &table, at: .milliseconds(10 * key)) }
        // Each is full again after a second: a hundred keys later.
        #expect(table.count < 250)
    }

    @Test func memoryIsBoundedWhateverTheNumberOfKeys() {
        var table = BucketTable<Int>(capacity: 1000)
        take(10, -1, from: &table)
        for key in 0..<1_000_000 { take(1, key, from: &table, at: .nanoseconds(key)) }
        #expect(table.count == 1000)
        // Who was refused still is: a million other keys do not give a new bucket.
        #expect(table.bucket(for: -1, at: .milliseconds(1)).wait(at: .milliseconds(1), rate) > .zero)
    }

    @Test func aTableForOneKeyWorks() {
        var table = BucketTable<Int>(capacity: 0)
        for key in 0..<10 { take(1, key, from: &table) }
        #expect(table.count == 1)
    }
}
