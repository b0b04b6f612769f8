import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct RateLimitTests {
    private func rule(
        _ key: [RateLimitRule.KeyPart], _ requests: Int, per: Duration = .seconds(60), burst: Int? = nil
    ) -> RateLimitRule {
        var rule = RateLimitRule()
        (rule.key, rule.requests, rule.per, rule.burst) = (key, requests, per, burst)
        return rule
    }

    private func harness(_ rules: [RateLimitRule], time: ManualTime = ManualTime()) -> StageHarness {
        var options = RateLimitOptions()
        options.limits = rules
        return StageHarness(RateLimit(options, time: time))
    }

    private func context(_ user: String, address: String = "127.0.0.1", connection: String = "c") -> MessageContext {
        Sample.context(principal: Principal(user: user), connection: connection, address: address)
    }

    @Test func tooManyAreTurnedAwayAndToldWhenToComeBack() async {
        let time = ManualTime()
        let harness = harness([rule([.user], 60, burst: 2)], time: time)
        #expect(await harness.send(Sample.chat(), context: context("ada")).message != nil)
        #expect(await harness.send(Sample.chat(), context: context("ada")).message != nil)
        let rejection = await harness.send(Sample.chat(), context: context("ada")).rejection
        #expect(rejection?.code == "rate_limited")
        #expect(rejection?.retryAfterMs == 1001)
        #expect(rejection?.message == "Too many messages: 60 in 1m for each user. Try again in 2 s.")
        #expect(await harness.send(Sample.chat(), context: context("bob")).message != nil)
        time.advance(by: .seconds(1))
        #expect(await harness.send(Sample.chat(), context: context("ada")).message != nil)
    }

    @Test(arguments: [RateLimitRule.KeyPart.user, .ip, .connection, .session, .gateway])
    func everyKeyPartTellsMessagesApart(part: RateLimitRule.KeyPart) async {
        let harness = harness([rule([part], 1)])
        func send(_ isOther: Bool) async -> Bool {
            let message = Sample.chat(
                gateway: isOther && (part == .gateway || part == .session) ? "work" : "home", session: "agent:main:x")
            let context = context(
                isOther && part == .user ? "bob" : "ada", address: isOther && part == .ip ? "127.0.0.2" : "127.0.0.1",
                connection: isOther && part == .connection ? "d" : "c")
            return await harness.send(message, context: context).message != nil
        }
        #expect(await send(false))
        #expect(await !send(false))
        #expect(await send(true))
    }

    @Test func aRefusedMessageCostsNothingWithTheOtherLimits() async {
        let harness = harness([rule([.user], 2), rule([.ip], 1)])
        #expect(await harness.send(Sample.chat(), context: context("ada")).message != nil)
        for _ in 0..<5 { #expect(await harness.send(Sample.chat(), context: context("ada")).rejection != nil) }
        let elsewhere = context("ada", address: "127.0.0.9")
        #expect(await harness.send(Sample.chat(), context: elsewhere).message != nil)
    }

    @Test func memoryIsBoundedWhateverTheNumberOfKeys() {
        var table = BucketTable<Int>(capacity: 1000)
        let rate = TokenBucket.Rate(interval: .seconds(1), capacity: 1)
        for key in 0..<1_000_000 {
            var bucket = table[key]
            bucket.take(at: .zero, rate)
            table.set(bucket, for: key)
            // This one is used all the time, and is not forgotten.
            var kept = table[-1]
            if key == 0 { kept.take(at: .zero, rate) }
            table.set(kept, for: -1)
        }
        #expect(table.count <= 1000)
        #expect(table[-1].wait(at: .zero, rate) > .zero)
        #expect(table[999_999].wait(at: .zero, rate) > .zero)
    }

    @Test func onlyTheNamedKindsAreCounted() {
        var options = RateLimitOptions()
        options.kinds = [.chat, .abort]
        #expect(RateLimit(options, time: ManualTime()).handles == StagePaths(inbound: [.chat, .abort]))
    }

    @Test func keepsThePromises() async {
        let harness = harness([rule([.user], 1000)])
        #expect(await MiddlewareCompatibility.violations(of: harness.middleware) == [])
    }
}
