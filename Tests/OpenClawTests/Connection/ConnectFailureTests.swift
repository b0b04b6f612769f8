import JSON
import Testing

@testable import OpenClaw

@Suite struct ConnectFailureTests {
    struct Case: Sendable {
        var error: JSONValue
        var state: GatewayStatus.State
        var delay: Duration
    }

    private static func detailed(_ code: String, message: String = "m") -> JSONValue {
        ["code": "INVALID_REQUEST", "message": .string(message), "details": ["code": .string(code)]]
    }

    static let cases: [Case] = [
        Case(
            error: ["code": "UNAVAILABLE", "message": "m", "details": ["reason": "startup-sidecars"]],
            state: .backingOff, delay: .milliseconds(500)),
        Case(
            error: [
                "code": "UNAVAILABLE", "message": "m", "retryAfterMs": 9000, "details": ["reason": "startup-sidecars"],
            ],
            state: .backingOff, delay: .seconds(2)),
        Case(
            error: [
                "code": "X", "message": "m", "retryAfterMs": 7000,
                "details": ["code": "AUTHENTICATED_PROFILE_UNAVAILABLE"],
            ],
            state: .backingOff, delay: .seconds(7)),
        Case(error: detailed(" PAIRING_REQUIRED "), state: .pairing, delay: .seconds(60)),
        Case(
            error: [
                "code": "NOT_PAIRED", "message": "m", "details": ["code": "PAIRING_REQUIRED", "pauseReconnect": false],
            ],
            state: .pairing, delay: .seconds(1)),
        Case(error: detailed("AUTH_TOKEN_MISMATCH"), state: .refused, delay: .seconds(60)),
        Case(error: detailed("AUTH_TOKEN_MISSING"), state: .refused, delay: .seconds(60)),
        Case(error: detailed("AUTH_NEW_WORD"), state: .refused, delay: .seconds(60)),
        Case(
            error: ["code": "X", "message": "m", "retryAfterMs": 90_000, "details": ["code": "AUTH_RATE_LIMITED"]],
            state: .refused, delay: .seconds(90)),
        Case(error: detailed("DEVICE_AUTH_SIGNATURE_EXPIRED"), state: .refused, delay: .seconds(60)),
        Case(error: detailed("DEVICE_AUTH_NONCE_MISMATCH"), state: .backingOff, delay: .seconds(1)),
        Case(error: detailed("DEVICE_AUTH_SIGNATURE_INVALID"), state: .backingOff, delay: .zero),
        Case(error: detailed("PROTOCOL_MISMATCH"), state: .refused, delay: .seconds(60)),
        Case(
            error: ["code": "INVALID_REQUEST", "message": "protocol mismatch", "details": ["expectedProtocol": 3]],
            state: .refused, delay: .seconds(60)),
        Case(
            error: ["code": "INVALID_REQUEST", "message": "invalid connect params: at root"], state: .refused,
            delay: .seconds(60)),
        Case(error: nil, state: .refused, delay: .seconds(60)),
        Case(error: "just words", state: .refused, delay: .seconds(60)),
    ]

    @Test(arguments: cases)
    func classes(example: Case) throws {
        var harness = try MachineHarness()
        let actions = try harness.refuse(example.error)
        #expect(actions.status?.state == example.state)
        #expect(actions.reconnectDelay == example.delay)
        #expect(actions.status?.reason?.isEmpty == false)
        #expect(actions.contains(.closeSocket(code: 1000, reason: "")))
        // The close that follows the error frame changes nothing.
        #expect(harness.machine.socketClosed(code: 1008, reason: "unauthorized", now: harness.time.now) == [])
    }

    @Test(arguments: [
        ("req-1", "On the gateway, run: openclaw devices approve req-1"),
        ("x; rm -rf", "On the gateway, run: openclaw devices list, and then: openclaw devices approve <requestId>"),
    ])
    func pairingNamesTheCommand(id: String, remedy: String) throws {
        var harness = try MachineHarness()
        let actions = try harness.refuse([
            "code": "NOT_PAIRED", "message": "pairing required",
            "details": ["code": "PAIRING_REQUIRED", "requestId": .string(id)],
        ])
        #expect(actions.status?.remedy == remedy)
    }

    @Test func oldGatewaysTellThePairingInTheCloseReason() throws {
        var harness = try MachineHarness()
        try harness.openAndChallenge()
        let reason = "pairing required (requestId: abc)"
        let actions = harness.machine.socketClosed(code: 1008, reason: reason, now: harness.time.now)
        #expect(actions.status?.state == .pairing)
        #expect(actions.status?.remedy == "On the gateway, run: openclaw devices approve abc")
    }

    static let closeCodes: [(UInt16, Int)] = [(1013, 500), (1000, 1_000), (1006, 1_000), (1008, 1_000), (1002, 60_000)]

    @Test(arguments: closeCodes)
    func closeDuringTheHandshake(code: UInt16, milliseconds: Int) throws {
        var harness = try MachineHarness()
        try harness.openAndChallenge()
        let reason = code == 1002 ? "protocol mismatch" : ""
        let actions = harness.machine.socketClosed(code: code, reason: reason, now: harness.time.now)
        #expect(actions.reconnectDelay == .milliseconds(milliseconds))
    }

    @Test func olderSignatureIsTriedOnce() throws {
        var harness = try MachineHarness()
        let invalid = Self.detailed("DEVICE_AUTH_SIGNATURE_INVALID")
        _ = try harness.refuse(invalid)
        let second = try harness.openAndChallenge()
        let identity = try TestIdentity.make()
        let payload = ConnectRequest.signaturePayload(
            .v2, deviceID: identity.deviceID, scopes: ["operator.read", "operator.write"],
            signedAt: harness.time.now.wall, token: "secret", nonce: "n-1")
        #expect(second.params["device"]?["signature"]?.string == (try identity.sign(payload)))
        let actions = harness.receive(["type": "res", "id": .string(second.id), "ok": false, "error": invalid])
        #expect(actions.status?.state == .refused)
        #expect(actions.reconnectDelay == .seconds(60))
    }

    @Test func deviceTokenIsTriedOnceOnLoopback() throws {
        for (url, delay) in [("ws://127.0.0.1:1", Duration.milliseconds(250)), ("ws://example.com:1", .seconds(60))] {
            var harness = try MachineHarness(url: url)
            try harness.connect(hello: [
                "protocol": 3, "auth": ["deviceToken": "issued", "scopes": ["operator.admin"]],
            ])
            _ = harness.machine.socketClosed(code: 4001, reason: "gateway auth changed", now: harness.time.now)
            let actions = try harness.refuse(Self.detailed("AUTH_TOKEN_MISMATCH"))
            #expect(actions.reconnectDelay == delay)
            let auth = try harness.openAndChallenge().params["auth"]
            #expect(auth?["token"] == "secret")
            #expect(auth?["deviceToken"] == (delay < .seconds(1) ? "issued" : nil))
        }
    }

    @Test func slowRetriesBecomeSlower() throws {
        var harness = try MachineHarness()
        for _ in 0..<10 {
            #expect(try harness.refuse(Self.detailed("AUTH_TOKEN_MISSING")).reconnectDelay == .seconds(60))
        }
        #expect(try harness.refuse(Self.detailed("AUTH_TOKEN_MISSING")).reconnectDelay == .seconds(300))
    }
}
