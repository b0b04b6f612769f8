import MiddlewareKit
import MiddlewareTesting
import Synchronization
import Testing

@Suite struct ManualTimeTests {
    private let time = ManualTime()

    @Test func itStandsStillUntilItIsMoved() {
        #expect(time.uptime == .zero)
        #expect(time.now == Timestamp(milliseconds: 1_767_225_600_000))
        time.advance(by: .milliseconds(1500))
        #expect(time.uptime == .milliseconds(1500))
        #expect(time.now == Timestamp(milliseconds: 1_767_225_601_500))
    }

    @Test func sleepersWakeWhenTheirTimeHasCome() async throws {
        let time = time
        let flag = Flag()
        let sleeper = Task {
            try await time.sleep(for: .seconds(10))
            flag.isSet = true
        }
        await time.waitForSleepers()
        time.advance(by: .seconds(9))
        #expect(!flag.isSet)
        time.advance(by: .seconds(1))
        try await sleeper.value
        #expect(flag.isSet)
    }

    @Test func oneMayWaitForSeveralSleepers() async throws {
        let time = time
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seconds in 1...3 { group.addTask { try await time.sleep(for: .seconds(seconds)) } }
            await time.waitForSleepers(3)
            time.advance(by: .seconds(3))
            try await group.waitForAll()
        }
    }

    @Test func aCancelledSleeperWakesWithAnError() async {
        let time = time
        let asleep = Task { try await time.sleep(for: .seconds(10)) }
        await time.waitForSleepers()
        asleep.cancel()
        await #expect(throws: CancellationError.self) { try await asleep.value }
        let late = Task { try await time.sleep(for: .seconds(10)) }
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
    }

    @Test func noTimeIsNoSleep() async throws {
        try await time.sleep(for: .zero)
        try await time.sleep(for: .seconds(-1))
    }
}

private final class Flag: Sendable {
    private let value = Mutex(false)

    var isSet: Bool {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}
