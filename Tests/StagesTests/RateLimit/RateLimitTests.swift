import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct RateLimitTests {
    private let time = ManualTime()

    private func harness(_ rules: [RateLimitRule], maxKeys: Int = 100_000) -> StageHarness {
        var options = RateLimitOptions()
        (options.limits, options.maxKeys) = (rules, maxKeys)
        return StageHarness(RateLimit(options, time: time))
    }

    private func rule(
        _ key: [RateLimitRule.KeyPart], _ requests: Int, per: Duration = .seconds(60), burst: Int? = nil
    ) -> RateLimitRule {
        RateLimitRule(key: key, requests: requests, per: per, burst: burst)
    }

    private func context(_ user: String, address: String = "127.0.0.1", connection: String = "c") -> MessageContext {
        Sample.context(principal: Principal(user: user), connection: connection, address: address)
    }

    @Test func tooManyAreTurnedAwayAndToldWhenToComeBack() async {
        let harness = harness([rule([.user], 60, burst: 2)])
        #expect(await harness.send(Sample.chat(), context: context("ada")).message != nil)
        #expect(await harness.send(Sample.chat(), context: context("ada")).message != nil)
        let rejection = await harness.send(Sample.chat(), context: context("ada")).rejection
        #expect(rejection?.code == "rate_limited")
        #expect(rejection?.retryAfterMs == 1000)
        #expect(rejection?.message == "Too many messages: 60 per minute for each user. Try again in 1 s.")
        #expect(await harness.send(Sample.chat(), context: context("bob")).message != nil)
        time.advance(by: .milliseconds(999))
        #expect(await harness.send(Sample.chat(), context: context("ada")).rejection?.retryAfterMs == 1)
        time.advance(by: .milliseconds(1))
        #expect(await harness.send(Sample.chat(), context: context("ada")).message != nil)
    }

    @Test(arguments: [RateLimitRule.KeyPart.user, .ip, .connection, .session, .gateway])
    func everyKeyPartTellsMessagesApart(part: RateLimitRule.KeyPart) async {
        let harness = harness([rule([part], 1)])
        func send(_ isOther: Bool) async -> Bool {
            let message = Sample.chat(
                gateway: isOther && part == .gateway ? "work" : "home",
                session: isOther && part == .session ? "agent:main:two" : "agent:main:one")
            let context = context(
                isOther && part == .user ? "bob" : "ada", address: isOther && part == .ip ? "127.0.0.2" : "127.0.0.1",
                connection: isOther && part == .connection ? "d" : "c")
            return await harness.send(message, context: context).message != nil
        }
        #expect(await send(false))
        #expect(await !send(false))
        #expect(await send(true))
    }

    @Test func sessionsOfDifferentGatewaysAreDifferent() async {
        let harness = harness([rule([.session], 1)])
        #expect(await harness.send(Sample.chat(gateway: "home"), context: context("ada")).message != nil)
        #expect(await harness.send(Sample.chat(gateway: "work"), context: context("ada")).message != nil)
        #expect(await harness.send(Sample.chat(gateway: "work"), context: context("ada")).message == nil)
    }

    @Test func severalWordsCountEachCombination() async {
        let harness = harness([rule([.user, .session], 1)])
        #expect(await harness.send(Sample.chat(session: "one"), context: context("ada")).message != nil)
        #expect(await harness.send(Sample.chat(session: "two"), context: context("ada")).message != nil)
        #expect(await harness.send(Sample.chat(session: "one"), context: context("bob")).message != nil)
        #expect(await harness.send(Sample.chat(session: "one"), context: context("ada")).message == nil)
    }

    @Test(arguments: [true, false])
    func aRefusedMessageCostsNothingWithTheOtherLimits(isReversed: Bool) async {
        let rules = [rule([.user], 2), rule([.ip], 1)]
        let harness = harness(isReversed ? rules.reversed() : rules)
        #expect(await harness.send(Sample.chat(), context: context("ada")).message != nil)
        for _ in 0..<5 { #expect(await harness.send(Sample.chat(), context: context("ada")).rejection != nil) }
        let elsewhere = context("ada", address: "127.0.0.9")
        #expect(await harness.send(Sample.chat(), context: elsewhere).message != nil)
        #expect(await harness.send(Sample.chat(), context: context("ada", address: "127.0.0.10")).message == nil)
    }

    @Test func theLongestWaitIsTold() async {
        let harness = harness([rule([.user], 1, per: .seconds(1)), rule([.gateway], 1, per: .seconds(3600))])
        #expect(await harness.send(Sample.chat(), context: context("ada")).message != nil)
        let rejection = await harness.send(Sample.chat(), context: context("ada")).rejection
        #expect(rejection?.retryAfterMs == 3_600_000)
        #expect(rejection?.message == "Too many messages: 1 per hour for each gateway. Try again in 60 min.")
    }

    @Test func onlyTheNamedKindsAreCounted() {
        var options = RateLimitOptions()
        #expect(RateLimit(options, time: time).handles == StagePaths(inbound: [.chat]))
        options.kinds = [.chat, .abort]
        #expect(RateLimit(options, time: time).handles == StagePaths(inbound: [.chat, .abort]))
    }

    /// A session's name comes from the browser and may be long, and there may be many.
    @Test func manyLongKeysAreHarmless() async {
        let harness = harness([rule([.session], 1)], maxKeys: 100)
        let long = String(repeating: "x", count: 4000)
        for number in 0..<300 {
            #expect(await harness.send(Sample.chat(session: "\(long)\(number)")).message != nil)
        }
    }

    @Test func noMoreThanTheLimitGetThroughAtOnce() async {
        let harness = harness([rule([.user], 50)])
        let passed = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 {
                group.addTask { await harness.send(Sample.chat(), context: context("ada")).message != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(passed == 50)
    }

    @Test func keepsThePromises() async {
        #expect(await MiddlewareCompatibility.violations(of: harness([rule([.user], 1000)]).middleware) == [])
        #expect(await MiddlewareCompatibility.violations(of: harness([rule([.user], 1)]).middleware) == [])
    }
}
