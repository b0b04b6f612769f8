import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct QuotaTests {
    private let time = ManualTime()
    private let store: InMemoryStateStore

    init() { store = InMemoryStateStore(time: time) }

    private func harness(_ block: ConfigNode) async throws -> StageHarness {
        let (options, problems) = PluginOptions.read(QuotaPlugin.self, block)
        #expect(problems == [])
        return try await StageHarness(
            QuotaPlugin.self, try #require(options), in: Sample.provision(state: store, time: time))
    }

    private func send(_ harness: StageHarness, _ user: String = "ada") async -> Rejection? {
        await harness.send(Sample.chat(), context: Sample.context(principal: Principal(user: user))).rejection
    }

    @Test func aUserHasSoManyMessagesADay() async throws {
        let harness = try await harness(["requests": 2])
        #expect(await send(harness) == nil)
        #expect(await send(harness) == nil)
        time.advance(by: .seconds(3600))
        let rejection = await send(harness)
        #expect(rejection?.code == "quota_exceeded")
        #expect(
            rejection?.message
                == "You have used up your 2 messages for this day. It begins anew at 2026-01-02 00:00 UTC.")
        #expect(rejection?.retryAfterMs == 23 * 3_600_000)
        #expect(await send(harness, "bob") == nil)
        time.advance(by: .seconds(23 * 3600))
        #expect(await send(harness) == nil)
    }

    @Test func aUserHasSoManyTokens() async throws {
        let harness = try await harness(["tokens": 100, "per": "month"])
        var event = Sample.event()
        event.usage = Usage(total: 60)
        for _ in 0..<2 {
            #expect(await send(harness) == nil)
            #expect(await harness.deliver(event).message != nil)
        }
        #expect(await send(harness)?.message.contains("100 tokens for this month") == true)
        #expect(await send(harness)?.message.contains("2026-02-01 00:00 UTC") == true)
        var foreign = Sample.event(run: Sample.run(user: nil))
        foreign.usage = Usage(total: 1000)
        let nobody = MessageContext(id: "m", logger: Sample.logger)
        #expect(await harness.deliver(foreign, context: nobody).message != nil)
        #expect(await send(harness, Principal.anonymous.user) == nil)
    }

    @Test(
        arguments: [
            (1_767_225_600_000, "2026-01-01T00", "2026-01-01", 1_769_904_000_000),
            (1_772_323_199_999, "2026-02-28T23", "2026-02-28", 1_772_323_200_000),
            (1_798_761_599_000, "2026-12-31T23", "2026-12-31", 1_798_761_600_000),
        ] as [(Int64, String, String, Int64)])
    func periodsBeginAtFullHoursDaysAndMonths(now: Int64, hour: String, day: String, monthEnd: Int64) {
        let now = Timestamp(milliseconds: now)
        #expect(QuotaOptions.Period.hour.period(at: now).name == hour)
        #expect(QuotaOptions.Period.day.period(at: now).name == day)
        #expect(QuotaOptions.Period.month.period(at: now).end.milliseconds == monthEnd)
    }

    @Test func whatCannotBeCountedDoesNotPass() async throws {
        let harness = try await harness(["requests": 2])
        store.fail(with: StorageFailure(reason: .full, description: "the disk is full"))
        #expect(await send(harness)?.code == "storage_failed")
    }

    @Test func noMoreThanTheShareGetThroughAtOnce() async throws {
        let harness = try await harness(["requests": 20])
        let passed = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 { group.addTask { await send(harness) == nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(passed == 20)
    }

    @Test func keepsThePromises() async throws {
        let harness = try await harness(["requests": 1000, "tokens": 10])
        #expect(await MiddlewareCompatibility.violations(of: harness.middleware) == [])
        #expect(PluginOptions.read(QuotaPlugin.self, [:]).problems.count == 1)
    }
}
