import JSON
import Testing

@testable import OpenClaw

/// A dead gateway is found within twice the tick interval, one that only answers pings within four.
@Suite struct LivenessTests {
    /// Lets the watchdog's timer fire until it closes the socket.
    ///
    /// - Returns: After how long; nil: not within ten tick intervals.
    private func silence(
        _ harness: inout MachineHarness,
        onPing: (inout GatewayStateMachine) -> Void = { _ in }
    ) -> Duration? {
        var elapsed = Duration.zero
        while elapsed < .seconds(300) {
            elapsed += harness.machine.watchdogInterval
            let actions = harness.machine.fired(.watchdog, now: harness.time.now)
            if actions.contains(.ping) { onPing(&harness.machine) }
            if actions.contains(where: { if case .closeSocket(4000, _) = $0 { true } else { false } }) {
                #expect(actions.status?.state == .backingOff)
                #expect(actions.status?.code == "SILENT")
                return elapsed
            }
        }
        return nil
    }

    @Test func theTimerIsFinerThanTheTick() throws {
        var harness = try MachineHarness()
        let actions = try harness.connect()
        #expect(actions.contains(.setTimer(.watchdog, after: .milliseconds(3_750))))
    }

    @Test func aDeadGateway() throws {
        var harness = try MachineHarness()
        try harness.connect()
        #expect(silence(&harness) == .seconds(60))
    }

    @Test func aGatewayThatOnlyAnswersPings() throws {
        var harness = try MachineHarness()
        try harness.connect()
        #expect(silence(&harness) { $0.receivedPong() } == .seconds(120))
    }

    @Test func aGatewayThatDiesAfterItsFirstPong() throws {
        var harness = try MachineHarness()
        try harness.connect()
        var pongs = 0
        let found = silence(&harness) { machine in
            pongs += 1
            if pongs == 1 { machine.receivedPong() }
        }
        #expect(found == .seconds(75))
    }

    @Test func anyFrameStartsTheSilenceAnew() throws {
        var harness = try MachineHarness()
        try harness.connect()
        for _ in 0..<100 {
            for _ in 0..<11 {
                #expect(harness.machine.fired(.watchdog, now: harness.time.now).count == 1)
            }
            harness.machine.noteActivity()
        }
        #expect(silence(&harness) == .seconds(60))
    }

    @Test func theShortestTickIsASecond() throws {
        var harness = try MachineHarness()
        try harness.connect(hello: ["protocol": 4, "policy": ["tickIntervalMs": 1]])
        #expect(silence(&harness) == .seconds(2))
    }
}
