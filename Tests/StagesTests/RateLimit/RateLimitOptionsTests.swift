import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct RateLimitOptionsTests {
    private func read(_ limit: ConfigNode) -> (rule: RateLimitRule?, problems: [String]) {
        let (options, problems) = PluginOptions.read(RateLimitPlugin.self, ["limits": [limit]])
        return (options?.limits.first, problems)
    }

    @Test func withoutOptionsAUserMaySendAMessageASecondAndTwentyAtOnce() {
        let options = PluginOptions.read(RateLimitPlugin.self, [:]).options
        #expect(options?.limits == [RateLimitRule(key: [.user], requests: 60, per: .seconds(60), burst: 20)])
        #expect(options?.kinds == [.chat])
        #expect(options?.maxKeys == 100_000)
    }

    @Test func aLimitIsRead() {
        let all = read(["key": ["user", "ip"], "requests": 30, "per": "1m", "burst": 10]).rule
        #expect(all == RateLimitRule(key: [.user, .ip], requests: 30, per: .seconds(60), burst: 10))
        #expect(read(["key": ["session"], "requests": 1, "per": "24h"]).rule?.burst == nil)
        let kinds = PluginOptions.read(RateLimitPlugin.self, ["kinds": ["chat", "history"]]).options?.kinds
        #expect(kinds == [.chat, .history])
    }

    private static let wrongLimits: [(ConfigNode, String)] = [
        (["requests": 30, "per": "1m"], "`key` is missing (for example key: [user])"),
        (
            ["key": [], "requests": 30, "per": "1m"],
            "`key` must name at least one of user, ip, connection, session, gateway"
        ),
        (["key": ["user"], "per": "1m"], "`requests` is missing (for example requests: 30)"),
        (["key": ["user"], "requests": 0, "per": "1m"], "`requests` must be in the range 1 to 1000000000"),
        (["key": ["user"], "requests": 1, "per": "0s"], "`per` must be in the range 1ms to 365d"),
        (["key": ["user"], "requests": 1, "per": "1m", "burst": 0], "`burst` must be in the range 1 to 1000000000"),
        (
            ["key": ["user"], "requests": 1, "per": "1m", "burst": 1_000_000_001],
            "`burst` must be in the range 1 to 1000000000"
        ),
    ]

    @Test(arguments: wrongLimits)
    func whatIsWrongIsSaid(limit: ConfigNode, problem: String) {
        #expect(read(limit).problems == [problem])
    }

    @Test(arguments: [["limits": []], ["kinds": []], ["kinds": ["chats"]], ["max-keys": 99]] as [ConfigNode])
    func nothingUselessIsAccepted(block: ConfigNode) {
        #expect(PluginOptions.read(RateLimitPlugin.self, block).options == nil)
    }

    @Test func itNeverFailsOpen() {
        #expect(RateLimitPlugin.kind == "rate-limit")
        #expect(RateLimitPlugin.defaultOnError == .closed)
        #expect(!RateLimitPlugin.mayFailOpen)
        #expect(RateLimitPlugin.defaultTimeout == nil)
    }

    @Test func theStageUsesTheServersClock() async throws {
        let time = ManualTime()
        var options = RateLimitOptions()
        options.limits = [RateLimitRule(key: [.user], requests: 1, per: .seconds(1))]
        let harness = try await StageHarness(RateLimitPlugin.self, options, in: Sample.provision(time: time))
        #expect(await harness.send(Sample.chat()).message != nil)
        #expect(await harness.send(Sample.chat()).message == nil)
        time.advance(by: .seconds(1))
        #expect(await harness.send(Sample.chat()).message != nil)
    }
}
