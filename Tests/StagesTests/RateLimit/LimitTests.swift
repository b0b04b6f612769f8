import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct LimitTests {
    private func limit(_ key: [RateLimitRule.KeyPart], per: Duration = .seconds(60)) -> Limit {
        Limit(RateLimitRule(key: key, requests: 30, per: per))
    }

    @Test(arguments: [
        (Duration.seconds(60), "per minute"), (.seconds(1), "per second"), (.seconds(3600), "per hour"),
        (.seconds(86_400), "per day"), (.seconds(90), "in 90s"), (.seconds(600), "in 10m"),
    ])
    func theRefusalTellsTheLimit(per: Duration, words: String) {
        let rejection = limit([.user], per: per).rejection(wait: .seconds(4))
        #expect(rejection.code == "rate_limited")
        #expect(rejection.message == "Too many messages: 30 \(words) for each user. Try again in 4 s.")
        #expect(rejection.retryAfterMs == 4000)
    }

    @Test(arguments: [
        (Duration.nanoseconds(1), 1, "1 s"), (.milliseconds(4000), 4000, "4 s"),
        (.milliseconds(4000) + .nanoseconds(1), 4001, "5 s"), (.seconds(120), 120_000, "120 s"),
        (.seconds(121), 121_000, "3 min"), (.seconds(7200), 7_200_000, "120 min"), (.seconds(7201), 7_201_000, "3 h"),
    ])
    func theWaitIsRoundedUp(wait: Duration, milliseconds: Int, words: String) {
        let rejection = limit([.user]).rejection(wait: wait)
        #expect(rejection.retryAfterMs == milliseconds)
        #expect(rejection.message.hasSuffix("Try again in \(words)."))
    }

    @Test func aCombinedKeyIsNamed() {
        #expect(limit([.user, .ip]).rejection(wait: .seconds(1)).message.contains("for each user and address"))
    }

    @Test func partsOfAKeyDoNotRunTogether() {
        func key(_ user: String, _ gateway: String) -> some Hashable {
            limit([.user, .gateway]).key(
                of: Sample.chat(gateway: gateway), Sample.context(principal: Principal(user: user)))
        }
        #expect(key("ab", "c") != key("a", "bc"))
        #expect(key("a2:", "c") != key("a", "2:c"))
        #expect(key("ab", "c") == key("ab", "c"))
    }

    @Test func theBurstIsTheCapacity() {
        #expect(limit([.user]).rate.capacity == 30)
        #expect(Limit(RateLimitRule(key: [.user], requests: 30, per: .seconds(60), burst: 5)).rate.capacity == 5)
        #expect(limit([.user]).rate.interval == .seconds(2))
    }
}
