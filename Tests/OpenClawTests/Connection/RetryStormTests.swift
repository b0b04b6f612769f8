import JSON
import MiddlewareKit
import Testing

@testable import OpenClaw

/// However a gateway says no, it is not asked in a storm: connects are counted over twenty minutes of an injected clock.
@Suite struct RetryStormTests {
    /// - Parameter attempt: One attempt, up to its failure.
    /// - Returns: The most connects in any minute, and those of the last six minutes.
    private func connects(
        to harness: MachineHarness? = nil,
        _ attempt: (inout MachineHarness) throws -> [GatewayStateMachine.Action]
    ) throws -> (most: Int, last: Int) {
        var harness = try harness ?? MachineHarness(random: 0)
        var elapsed = Duration.zero
        var times: [Duration] = []
        while elapsed < .seconds(1200) {
            times.append(elapsed)
            let delay = try #require(try attempt(&harness).reconnectDelay)
            // A whole handshake takes a moment.
            elapsed += delay + .milliseconds(5)
            harness.time.advance(delay + .milliseconds(5))
        }
        let most = times.map { start in times.count { $0 >= start && $0 < start + .seconds(60) } }.max() ?? 0
        return (most, times.count { $0 >= .seconds(840) })
    }

    @Test(arguments: ConnectFailureTests.cases)
    func refusals(example: ConnectFailureTests.Case) throws {
        let connects = try connects { try $0.refuse(example.error) }
        let limit =
            switch example.state {
            case .refused: 2
            case .pairing where example.delay >= .seconds(60): 2
            default: example.code == "GATEWAY_STARTING" ? 40 : 9
            }
        #expect(connects.most <= limit)
        #expect(connects.last <= 8)
        // Nor is it given up.
        #expect(connects.last >= 1)
    }

    /// What is tried at once counts as well: it is not tried again at each slow retry.
    @Test(arguments: [
        "AUTH_TOKEN_MISMATCH", "AUTH_DEVICE_TOKEN_MISMATCH", "DEVICE_AUTH_SIGNATURE_INVALID",
        "DEVICE_AUTH_NONCE_MISMATCH",
    ])
    func refusalsThatAreTriedAgainAtOnce(code: String) throws {
        let token = DeviceToken(secret: Secret("issued"), role: "operator", scopes: [])
        let error: JSONValue = ["code": "INVALID_REQUEST", "message": "m", "details": ["code": .string(code)]]
        let connects = try connects(to: MachineHarness(deviceToken: token, random: 0)) { try $0.refuse(error) }
        // The first one, the one at once, and the next after 48 s.
        #expect(connects.most <= 3)
        // Every four minutes, and one more at once.
        #expect(connects.last <= 4)
    }

    @Test func aGatewayThatGivesTooFewRights() throws {
        let few: JSONValue = ["protocol": 4, "auth": ["scopes": ["operator.read"]]]
        var harness = try MachineHarness(random: 0)
        var delays: [Duration] = []
        for _ in 0..<12 {
            let actions = try harness.connect(hello: few)
            for case .setTimer(.recheck, let delay) in actions { delays.append(delay) }
            _ = harness.machine.fired(.recheck, now: harness.time.now)
        }
        #expect(delays == Array(repeating: .seconds(48), count: 10) + [.seconds(240), .seconds(240)])
    }

    @Test func aGatewayThatClosesAfterTheHello() throws {
        let connects = try connects { harness in
            try harness.connect()
            return harness.machine.socketClosed(code: nil, reason: "", now: harness.time.now)
        }
        #expect(connects.most <= 12)
        #expect(connects.last <= 8)
    }

    @Test func aGatewayThatIsAway() throws {
        let connects = try connects { harness in
            if harness.machine.phase == .stopped {
                _ = harness.machine.start(now: harness.time.now)
            } else {
                _ = harness.machine.fired(.reconnect, now: harness.time.now)
            }
            return harness.machine.socketFailed(ConnectFailure(.timedOut), now: harness.time.now)
        }
        #expect(connects.most <= 9)
        #expect(connects.last <= 8)
    }

    @Test func slowRetriesBecomeSlower() throws {
        var harness = try MachineHarness()
        let missing: JSONValue = ["code": "X", "message": "m", "details": ["code": "AUTH_TOKEN_MISSING"]]
        for _ in 0..<10 { #expect(try harness.refuse(missing).reconnectDelay == .seconds(60)) }
        #expect(try harness.refuse(missing).reconnectDelay == .seconds(300))
    }

    @Test func aRateLimitIsNeverCutShort() throws {
        for random in [0, 0.5, 0.999] {
            var harness = try MachineHarness(random: random)
            let limited: JSONValue = [
                "code": "X", "message": "m", "retryAfterMs": 120_000, "details": ["code": "AUTH_RATE_LIMITED"],
            ]
            #expect(try #require(try harness.refuse(limited).reconnectDelay) >= .seconds(120))
        }
    }
}
