import MiddlewareKit
import MiddlewareTesting
import Testing

@Suite struct ManualTimeTests {
    @Test func sleepersWakeWhenTheirTimeHasCome() async throws {
        let time = ManualTime()
        let sleeper = Task { try await time.sleep(for: .seconds(10)) }
        await time.waitForSleepers()
        time.advance(by: .seconds(9))
        time.advance(by: .seconds(1))
        try await sleeper.value
        #expect(time.uptime == .seconds(10))
        #expect(time.now == Timestamp(milliseconds: 1_767_225_610_000))
    }

    @Test func aCancelledSleeperWakesWithAnError() async {
        let time = ManualTime()
        let sleeper = Task { try await time.sleep(for: .seconds(10)) }
        await time.waitForSleepers()
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        let late = Task { try await time.sleep(for: .seconds(10)) }
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
    }
}
