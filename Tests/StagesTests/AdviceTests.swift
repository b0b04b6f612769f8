import MiddlewareKit
import Stages
import Testing

/// What is told about a stage's place in its chain.
@Suite struct AdviceTests {
    @Test func persistBelongsBelowThinkingStrip() {
        #expect(PersistPlugin.advise(PersistOptions(), at: ChainPlace(below: ["thinking-strip"])).count == 1)
        #expect(PersistPlugin.advise(PersistOptions(), at: ChainPlace(above: ["thinking-strip"])).isEmpty)
    }

    @Test func limitsByUserBelongBelowAuth() {
        var options = RateLimitOptions()
        #expect(RateLimitPlugin.advise(options, at: ChainPlace(below: ["auth"])).map(\.key) == ["limits"])
        #expect(RateLimitPlugin.advise(options, at: ChainPlace(above: ["auth"])).isEmpty)
        options.limits = [RateLimitRule(key: [.ip], requests: 1, per: .seconds(1))]
        #expect(RateLimitPlugin.advise(options, at: ChainPlace(below: ["auth"])).isEmpty)
    }
}
