import JSON
import Testing

@testable import OpenClaw

@Suite struct GatewayStateMachineTests {
    @Test func handshake() throws {
        var harness = try MachineHarness()
        var actions = harness.machine.start(now: harness.time.now)
        #expect(actions.status?.state == .connecting)
        #expect(actions.contains(.openSocket))
        actions = harness.machine.socketOpened(now: harness.time.now)
        #expect(actions.first == .setTimer(.handshake, after: .seconds(15)))
        #expect(actions.status?.state == .handshaking)
        actions = harness.receive(["type": "event", "event": "connect.challenge", "payload": ["nonce": " n-1 "]])
        let request = try #require(actions.requests.first)
        harness.time.advance(.milliseconds(20))
        actions = harness.receive(
            ["type": "res", "id": .string(request.id), "ok": true, "error": nil, "payload": MachineHarness.hello])
        #expect(actions.contains(.cancelTimer(.handshake)))
        let status = try #require(actions.status)
        #expect(status.state == .ready)
        #expect(status.isConnected)
        #expect(status.protocolVersion == 4)
        #expect(status.serverVersion == "2026.5.12")
        #expect(status.latency == .milliseconds(20))
        #expect(harness.machine.hello?.maxPayload == 1000)
    }

    @Test func connectIsAClosedObjectAndSigned() throws {
        var harness = try MachineHarness()
        let request = try harness.openAndChallenge()
        #expect(request.method == "connect")
        let params = request.params
        #expect(
            params.object?.keys.sorted() == [
                "auth", "caps", "client", "device", "maxProtocol", "minProtocol", "role", "scopes", "userAgent",
            ])
        #expect(params["client"]?.object?.keys == ["id", "displayName", "version", "platform", "mode", "instanceId"])
        #expect(params["auth"] == ["token": "secret"])
        #expect(params["minProtocol"] == 3)
        #expect(params["maxProtocol"] == 4)
        #expect(params["device"]?["nonce"] == "n-1")
        #expect(!params.encoded().contains("null"))
        let identity = try TestIdentity.make()
        let payload = ConnectRequest.signaturePayload(
            .v3, deviceID: identity.deviceID, scopes: ["operator.read", "operator.write"],
            signedAt: harness.time.now.wall, token: "secret", nonce: "n-1")
        #expect(params["device"]?["signature"]?.string == (try identity.sign(payload)))
    }

    @Test func withoutSecretThereIsNoAuth() throws {
        var harness = try MachineHarness(token: "")
        #expect(try harness.openAndChallenge().params["auth"] == nil)
    }

    static let grants: [(asked: [String], granted: [String], GatewayStatus.State, remedy: String?)] = [
        (["operator.read", "operator.write"], ["operator.read", "operator.write"], .ready, nil),
        (["operator.read", "operator.write"], ["operator.admin"], .ready, nil),
        (["operator.read", "operator.write"], ["operator.write"], .ready, nil),
        (["operator.read", "operator.write"], ["operator.read"], .limited, "openclaw devices list"),
        (["operator.read", "operator.write"], [], .limited, "openclaw devices list"),
        (["operator.read"], ["operator.read"], .limited, "Add operator.write to `scopes`"),
        (["operator.write", "operator.approvals"], ["operator.write"], .ready, "openclaw devices list"),
    ]

    @Test(arguments: grants)
    func scopes(asked: [String], granted: [String], state: GatewayStatus.State, remedy: String?) throws {
        var harness = try MachineHarness(scopes: asked)
        let hello: JSONValue = ["protocol": 4, "auth": ["scopes": .array(granted.map(JSONValue.string))]]
        let status = try #require(try harness.connect(hello: hello).status)
        #expect(status.state == state)
        #expect((status.reason != nil) == (remedy != nil))
        #expect(remedy.map { status.remedy?.contains($0) == true } ?? (status.remedy == nil))
    }

    /// Rights are given at a hello, so it is said again: slowly by itself, and at once when somebody asks for it.
    @Test func tooFewRightsAreAskedForAgain() throws {
        var harness = try MachineHarness()
        let few: JSONValue = ["protocol": 4, "auth": ["scopes": ["operator.read"]]]
        var actions = try harness.connect(hello: few)
        #expect(actions.contains(.setTimer(.recheck, after: .seconds(60))))
        #expect(actions.status?.retryAt == harness.time.now.wall.advanced(by: .seconds(60)))
        let (id, _) = try harness.machine.submit(method: "chat.history", params: [:])
        actions = harness.machine.fired(.recheck, now: harness.time.now)
        #expect(actions.contains(.closeSocket(code: 1000, reason: "")) && actions.last == .openSocket)
        #expect(actions.contains(.failPending([id], .connectionLost)))
        #expect(harness.machine.status.state == .connecting)
        #expect(try harness.connect(hello: few).status?.state == .limited)
        #expect(harness.machine.connectNow(now: harness.time.now).contains(.openSocket))
        #expect(try harness.connect().status?.state == .ready)
        // Whoever has all rights is left alone.
        #expect(harness.machine.connectNow(now: harness.time.now) == [])
        #expect(harness.machine.fired(.recheck, now: harness.time.now) == [])
    }

    static let hellos: [(JSONValue, GatewayStatus.State)] = [
        (["protocol": 3], GatewayStatus.State.ready), ([:], .ready), (["protocol": 5], .refused),
        (["protocol": 4, "auth": [:]], .limited), (["protocol": 4, "policy": nil, "auth": nil], .ready),
    ]

    @Test(arguments: hellos)
    func lenientHello(hello: JSONValue, state: GatewayStatus.State) throws {
        var harness = try MachineHarness()
        #expect(try harness.connect(hello: hello).status?.state == state)
    }

    @Test func challengeIsWaitedForAndMustHaveANonce() throws {
        var harness = try MachineHarness()
        _ = harness.machine.start(now: harness.time.now)
        _ = harness.machine.socketOpened(now: harness.time.now)
        #expect(harness.receive(["type": "event", "event": "tick", "payload": [:]]) == [])
        var actions = harness.machine.fired(.handshake, now: harness.time.now)
        #expect(actions.contains(.closeSocket(code: 1000, reason: "")))
        #expect(actions.reconnectDelay == .seconds(1))
        _ = harness.machine.fired(.reconnect, now: harness.time.now)
        _ = harness.machine.socketOpened(now: harness.time.now)
        actions = harness.receive(["type": "event", "event": "connect.challenge", "payload": ["nonce": "  "]])
        #expect(actions.contains { if case .closeSocket(1008, _) = $0 { true } else { false } })
        #expect(actions.reconnectDelay == .seconds(2))
    }

    @Test func backoffDoublesToAMinuteAndAHelloResetsIt() throws {
        var harness = try MachineHarness()
        _ = harness.machine.start(now: harness.time.now)
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let actions = harness.machine.socketFailed(ConnectFailure(.refused), now: harness.time.now)
            #expect(actions.reconnectDelay == .seconds(seconds))
            #expect(actions.status?.state == .backingOff)
            #expect(actions.status?.retryAt == harness.time.now.wall.advanced(by: .seconds(seconds)))
            #expect(harness.machine.fired(.reconnect, now: harness.time.now).contains(.openSocket))
        }
        #expect(harness.machine.status.attempts == 8)
        _ = harness.machine.socketFailed(ConnectFailure(.refused), now: harness.time.now)
        try harness.connect()
        #expect(harness.machine.status.attempts == 0)
        #expect(harness.machine.status.lastError == ConnectError.refused.reason)
        let actions = harness.machine.socketClosed(code: 1006, reason: "", now: harness.time.now)
        #expect(actions.reconnectDelay == .seconds(1))
    }

    @Test(arguments: [(0.0, 800), (0.5, 1_000), (0.999, 1_199)])
    func jitter(random: Double, milliseconds: Int) throws {
        var harness = try MachineHarness(random: random)
        _ = harness.machine.start(now: harness.time.now)
        let actions = harness.machine.socketFailed(ConnectFailure(.refused), now: harness.time.now)
        #expect(actions.reconnectDelay == .milliseconds(milliseconds))
    }

    @Test func shutdownWordsTheStatus() throws {
        var harness = try MachineHarness()
        try harness.connect()
        let shutdown: JSONValue = ["reason": "x", "restartExpectedMs": nil]
        _ = harness.receive(["type": "event", "event": "shutdown", "payload": shutdown])
        let actions = harness.machine.socketClosed(code: 1012, reason: "service restart", now: harness.time.now)
        #expect(actions.status?.reason == "the gateway was stopped")
    }

    @Test func stopEndsEverything() throws {
        var harness = try MachineHarness()
        try harness.connect()
        let (id, _) = try harness.machine.submit(method: "health", params: [:])
        let actions = harness.machine.stop(now: harness.time.now)
        #expect(actions.contains(.closeSocket(code: 1000, reason: "")))
        #expect(actions.contains { if case .failPending([id], _) = $0 { true } else { false } })
        #expect(actions.status?.state == .stopped)
        #expect(harness.machine.socketClosed(code: 1000, reason: "", now: harness.time.now) == [])
        #expect(harness.machine.fired(.reconnect, now: harness.time.now) == [])
    }

    @Test func framesOfNoMeaningDoNothing() throws {
        var harness = try MachineHarness()
        try harness.connect()
        let frames: [JSONValue] = [
            [:], ["type": 5], ["type": "event"], ["type": "event", "event": 7], ["type": "res"],
            ["type": "res", "id": 5],
            ["type": "req", "id": "x"], ["type": "res", "id": "late", "ok": true],
        ]
        for frame in frames { #expect(harness.receive(frame) == []) }
    }
}
