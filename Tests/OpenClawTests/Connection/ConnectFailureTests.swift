import JSON
import MiddlewareKit
import Testing
import WebSocketTransport

@testable import OpenClaw

/// The table of connect errors: each row with its state, delay, words and remedy.
@Suite struct ConnectFailureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var error: JSONValue
        var code: String
        var state: GatewayStatus.State
        var delay: Duration
        /// Part of the words, and of what to do.
        var reason: String
        var remedy: String

        var testDescription: String { "\(code) \(delay)" }

        init(
            _ code: String, _ state: GatewayStatus.State, _ delay: Duration, reason: String, remedy: String,
            error: JSONValue? = nil
        ) {
            self.code = code
            self.state = state
            self.delay = delay
            self.reason = reason
            self.remedy = remedy
            self.error = error ?? detailed(code, ["code": .string(code)])
        }
    }

    private static func detailed(_ code: String, _ details: JSONObject, retryAfterMs: Int64? = nil) -> JSONValue {
        var error: JSONObject = ["code": "INVALID_REQUEST", "message": "their words", "details": .object(details)]
        error["retryAfterMs"] = retryAfterMs.map { .integer($0) }
        return .object(error)
    }

    private static let minute = Duration.seconds(60)
    private static let starting: JSONObject = ["reason": "startup-sidecars"]

    static let cases: [Case] = [
        Case(
            "GATEWAY_STARTING", .backingOff, .milliseconds(500), reason: "starting", remedy: "tried again",
            error: ["code": "UNAVAILABLE", "message": "m", "retryable": true, "details": .object(starting)]),
        Case(
            "GATEWAY_STARTING", .backingOff, .seconds(2), reason: "starting", remedy: "tried again",
            error: ["code": "UNAVAILABLE", "message": "m", "retryAfterMs": 9000, "details": .object(starting)]),
        Case(
            "GATEWAY_STARTING", .backingOff, .milliseconds(100), reason: "starting", remedy: "tried again",
            error: ["code": "UNAVAILABLE", "message": "m", "retryAfterMs": 1, "details": .object(starting)]),
        Case(
            "AUTHENTICATED_PROFILE_UNAVAILABLE", .backingOff, .seconds(7), reason: "cannot check",
            remedy: "tried again",
            error: detailed("", ["code": "AUTHENTICATED_PROFILE_UNAVAILABLE"], retryAfterMs: 7000)),
        Case(
            "AUTHENTICATED_PROFILE_UNAVAILABLE", .backingOff, .seconds(1), reason: "cannot check",
            remedy: "tried again"),
        Case(
            "UNAVAILABLE", .backingOff, .seconds(3), reason: "cannot work at the moment", remedy: "tried again",
            error: [
                "code": "UNAVAILABLE", "message": "m", "retryAfterMs": 3000,
                "details": ["reason": "gateway-suspending"],
            ]),
        Case(
            "PAIRING_REQUIRED", .pairing, minute, reason: "must approve this device", remedy: "approve <requestId>",
            error: detailed("", ["code": " PAIRING_REQUIRED "])),
        Case(
            "PAIRING_REQUIRED", .pairing, minute, reason: "request req-1", remedy: "openclaw devices approve req-1",
            error: detailed("", ["code": "PAIRING_REQUIRED", "requestId": "req-1"])),
        Case(
            "PAIRING_REQUIRED", .pairing, minute, reason: "must approve", remedy: "approve <requestId>",
            error: detailed("", ["code": "PAIRING_REQUIRED", "requestId": "x; rm -rf"])),
        Case(
            "PAIRING_REQUIRED", .pairing, minute, reason: "approved now: operator.read", remedy: "approve r",
            error: detailed(
                "",
                [
                    "code": "PAIRING_REQUIRED", "requestId": "r", "reason": "scope-upgrade",
                    "approvedScopes": ["operator.read"],
                ])),
        Case(
            "PAIRING_REQUIRED", .pairing, .seconds(1), reason: "must approve", remedy: "approve",
            error: detailed("", ["code": "PAIRING_REQUIRED", "pauseReconnect": false])),
        Case(
            "PAIRING_REQUIRED", .pairing, .seconds(1), reason: "looks different", remedy: "approve",
            error: detailed(
                "",
                [
                    "code": "PAIRING_REQUIRED", "reason": "metadata-upgrade",
                    "recommendedNextStep": "wait_then_retry",
                ])),
        Case(
            "PAIRING_REQUIRED", .pairing, minute, reason: "must approve", remedy: "devices approve abc",
            error: ["code": "NOT_PAIRED", "message": "pairing required (requestId: abc)"]),
        Case("PAIRING_REJECTED", .pairing, minute, reason: "did not approve", remedy: "openclaw devices list"),
        Case("PAIRING_EXPIRED", .pairing, minute, reason: "did not approve", remedy: "openclaw devices list"),
        Case("AUTH_TOKEN_MISMATCH", .refused, minute, reason: "not that of the gateway", remedy: "Set `token`"),
        Case(
            "AUTH_DEVICE_TOKEN_MISMATCH", .backingOff, .milliseconds(250), reason: "no longer valid",
            remedy: "Set `token`"),
        Case("AUTH_SCOPE_MISMATCH", .refused, minute, reason: "does not cover", remedy: "fewer `scopes`"),
        Case("AUTH_TOKEN_MISSING", .refused, minute, reason: "asks for a token", remedy: "Set `token`"),
        Case("AUTH_REQUIRED", .refused, minute, reason: "asks for a token", remedy: "Set `token`"),
        Case("AUTH_UNAUTHORIZED", .refused, minute, reason: "asks for a token", remedy: "Set `token`"),
        Case("AUTH_TOKEN_NOT_CONFIGURED", .refused, minute, reason: "gateway itself has no", remedy: "On the gateway"),
        Case(
            "AUTH_PASSWORD_NOT_CONFIGURED", .refused, minute, reason: "gateway itself has no", remedy: "On the gateway"),
        Case("AUTH_PASSWORD_MISSING", .refused, minute, reason: "password is missing", remedy: "Set `password`"),
        Case("AUTH_PASSWORD_MISMATCH", .refused, minute, reason: "is not that", remedy: "Set `password`"),
        Case("AUTH_BOOTSTRAP_TOKEN_INVALID", .refused, minute, reason: "set-up code", remedy: "Set `token`"),
        Case(
            "AUTH_TOKEN_MISSING", .refused, minute, reason: "asks for a token", remedy: "Set `token`",
            error: [
                "code": "INVALID_REQUEST", "message": "m", "retryable": true, "retryAfterMs": 100,
                "details": ["code": "AUTH_TOKEN_MISSING"],
            ]),
        Case("AUTH_RATE_LIMITED", .refused, .seconds(66), reason: "too many failed", remedy: "wait some minutes"),
        Case(
            "AUTH_RATE_LIMITED", .refused, .seconds(99), reason: "too many failed", remedy: "wait some minutes",
            error: detailed("", ["code": "AUTH_RATE_LIMITED"], retryAfterMs: 90_000)),
        Case("AUTH_TAILSCALE_IDENTITY_MISSING", .refused, minute, reason: "Tailscale", remedy: "gateway.auth.mode"),
        Case("AUTH_IDENTITY_HEADER_REQUIRED", .refused, minute, reason: "proxy", remedy: "gateway.auth.mode"),
        Case("AUTH_VERIFIED_USER_REQUIRED", .refused, minute, reason: "proxy", remedy: "gateway.auth.mode"),
        Case("OPERATOR_ACCESS_DENIED", .refused, minute, reason: "proxy", remedy: "gateway.auth.mode"),
        Case("AUTH_NEW_WORD", .refused, minute, reason: "does not accept the token", remedy: "Check `token`"),
        Case("DEVICE_IDENTITY_REQUIRED", .refused, minute, reason: "did not see the key", remedy: "proxy"),
        Case("CONTROL_UI_DEVICE_IDENTITY_REQUIRED", .refused, minute, reason: "did not see the key", remedy: "proxy"),
        Case("DEVICE_AUTH_SIGNATURE_EXPIRED", .refused, minute, reason: "clocks", remedy: "Set the clock"),
        Case("DEVICE_AUTH_NONCE_MISMATCH", .backingOff, .seconds(1), reason: "challenge", remedy: "proxy"),
        Case("DEVICE_AUTH_NONCE_REQUIRED", .backingOff, .seconds(1), reason: "challenge", remedy: "proxy"),
        Case("DEVICE_AUTH_SIGNATURE_INVALID", .backingOff, .zero, reason: "signature", remedy: "Update the gateway"),
        Case(
            "DEVICE_AUTH_SIGNATURE_INVALID", .backingOff, .zero, reason: "signature", remedy: "Update the gateway",
            error: ["code": "INVALID_REQUEST", "message": "device signature invalid"]),
        Case("DEVICE_AUTH_DEVICE_ID_MISMATCH", .refused, minute, reason: "key of this device", remedy: "device.json"),
        Case("DEVICE_AUTH_PUBLIC_KEY_INVALID", .refused, minute, reason: "key of this device", remedy: "device.json"),
        Case("DEVICE_AUTH_INVALID", .refused, minute, reason: "key of this device", remedy: "device.json"),
        Case("CONTROL_UI_ORIGIN_NOT_ALLOWED", .refused, minute, reason: "browser", remedy: "Origin"),
        Case("PROTOCOL_MISMATCH", .refused, minute, reason: "speaks another protocol", remedy: "3 to 4"),
        Case(
            "PROTOCOL_MISMATCH", .refused, minute, reason: "speaks protocol 5", remedy: "update the older",
            error: ["code": "INVALID_REQUEST", "message": "protocol mismatch", "details": ["expectedProtocol": 5]]),
        Case("CLIENT_VERSION_MISMATCH", .refused, minute, reason: "another protocol", remedy: "update the older"),
        Case("CONTROL_UI_BUILD_MISMATCH", .refused, minute, reason: "another protocol", remedy: "update the older"),
        Case(
            "INVALID_CONNECT_PARAMS", .refused, minute, reason: "does not understand", remedy: "Update",
            error: ["code": "INVALID_REQUEST", "message": "invalid connect params: at /client/id: must be equal"]),
        Case(
            "INVALID_CONNECT_PARAMS", .refused, minute, reason: "unexpected property 'device'", remedy: "Update",
            error: [
                "code": "INVALID_REQUEST", "message": "invalid connect params: at root: unexpected property 'device'",
            ]),
        Case(
            "INVALID_ROLE", .refused, minute, reason: "role", remedy: "Update",
            error: ["code": "INVALID_REQUEST", "message": "invalid role"]),
        Case("SOMETHING_NEW", .refused, minute, reason: "refuses the connection (their words)", remedy: "log"),
        Case(
            "NEW", .backingOff, .seconds(1), reason: "refuses the connection", remedy: "log",
            error: ["code": "NEW", "message": "m", "retryable": true]),
        Case("UNKNOWN", .refused, minute, reason: "gives no reason", remedy: "log", error: .null),
        Case("UNKNOWN", .refused, minute, reason: "just words", remedy: "log", error: "just words"),
    ]

    @Test(arguments: cases)
    func everyErrorHasItsClassAndWords(example: Case) throws {
        var harness = try MachineHarness()
        let actions = try harness.refuse(example.error)
        let status = try #require(actions.status)
        #expect(status.code == example.code)
        #expect(status.state == example.state)
        #expect(actions.reconnectDelay == example.delay)
        #expect(status.retryAt == harness.time.now.wall.advanced(by: example.delay))
        #expect(status.reason?.contains(example.reason) == true, "\(status.reason ?? "")")
        #expect(status.remedy?.contains(example.remedy) == true, "\(status.remedy ?? "")")
        #expect(status.lastError == status.reason)
        #expect(actions.contains(.closeSocket(code: 1000, reason: "")))
        // The close that follows the error frame changes nothing.
        #expect(harness.machine.socketClosed(code: 1008, reason: "unauthorized", now: harness.time.now) == [])
    }

    @Test func everyRowOfTheTableIsTested() {
        let tested = Set(Self.cases.map(\.code))
        for row in ConnectError.gatewayErrors where row.codes != ["SLOW_CONSUMER"] {
            for code in row.codes {
                #expect(tested.contains { code.hasSuffix("*") ? $0.hasPrefix(code.dropLast()) : $0 == code }, "\(code)")
            }
        }
    }

    @Test func whatAGatewaySaysIsOneShortLine() throws {
        var harness = try MachineHarness()
        let words = "a\nb\u{1B}[2Jc" + String(repeating: "x", count: 10_000)
        let reason = try #require(try harness.refuse(["code": "NEW", "message": .string(words)]).status?.reason)
        #expect(reason.contains("a b[2Jcxx"))
        #expect(reason.count < 400)
    }

    // MARK: Without a word of the gateway

    static let socketErrors: [(WebSocketConnectError, String, GatewayStatus.State)] = [
        (.refused(host: "h", port: 1), "CONNECTION_REFUSED", .backingOff),
        (.hostNotFound("h"), "HOST_NOT_FOUND", .backingOff), (.timedOut, "TIMED_OUT", .backingOff),
        (.unreachable("x"), "UNREACHABLE", .backingOff), (.tls("x"), "TLS_FAILED", .backingOff),
        (.caFile("x"), "CA_FILE_UNUSABLE", .backingOff), (.httpStatus(200, reason: "OK"), "NOT_A_GATEWAY", .backingOff),
        (.invalidAnswer("x"), "NO_WEBSOCKET", .backingOff), (.closedDuringHandshake, "CLOSED_AT_ONCE", .backingOff),
        (.invalidURL("x"), "INVALID_URL", .refused),
    ]

    @Test(arguments: socketErrors)
    func aSocketThatCannotBeOpened(
        error: WebSocketConnectError, code: String, state: GatewayStatus.State
    ) throws {
        var harness = try MachineHarness()
        _ = harness.machine.start(now: harness.time.now)
        let actions = harness.machine.socketFailed(ConnectFailure(error), now: harness.time.now)
        #expect(actions.status?.code == code)
        #expect(actions.status?.state == state)
        #expect(actions.reconnectDelay == (state == .refused ? .seconds(60) : .seconds(1)))
        // The row has the rest of the words.
        let detail = ["UNREACHABLE", "TLS_FAILED"].contains(code) ? "(x)" : "\(error)"
        #expect(actions.status?.reason?.contains(detail) == true)
        #expect(actions.status?.remedy?.isEmpty == false)
    }

    @Test func whatIsWrongWithACertificateSaysWhatToDo() {
        let name = ConnectFailure(.wrongName)
        #expect(name.code == "CERTIFICATE_FOR_ANOTHER_NAME" && name.remedy?.contains("server-name") == true)
        let stranger = ConnectFailure(.untrusted)
        #expect(stranger.code == "CERTIFICATE_NOT_TRUSTED" && stranger.remedy?.contains("ca-file") == true)
        let notFromFile = ConnectFailure(.untrusted, hasCAFile: true)
        #expect(notFromFile.code == "CERTIFICATE_NOT_FROM_CA_FILE")
        #expect(notFromFile.remedy?.contains("authority that signed it") == true)
        for failure in [name, stranger, notFromFile] {
            #expect(failure.remedy?.contains("ws://") == false)
            #expect(!failure.reason.contains("()"))
        }
    }

    static let closeCodes: [(UInt16?, String, Int, String)] = [
        (1013, "gateway starting", 500, "GATEWAY_STARTING"), (1000, "", 1_000, "CLOSED_IN_HANDSHAKE"),
        (1006, "", 1_000, "CLOSED_IN_HANDSHAKE"), (nil, "", 1_000, "CLOSED_IN_HANDSHAKE"),
        (1008, "", 1_000, "CLOSED_IN_HANDSHAKE"), (1002, "protocol mismatch", 60_000, "PROTOCOL_MISMATCH"),
        (1012, "service restart", 1_000, "GATEWAY_STOPPED"), (4001, "gateway auth changed", 1_000, "SECRET_CHANGED"),
        (1008, "pairing required (requestId: abc)", 60_000, "PAIRING_REQUIRED"),
    ]

    @Test(arguments: closeCodes)
    func closeDuringTheHandshake(close: UInt16?, reason: String, milliseconds: Int, code: String) throws {
        var harness = try MachineHarness()
        try harness.openAndChallenge()
        let actions = harness.machine.socketClosed(code: close, reason: reason, now: harness.time.now)
        #expect(actions.reconnectDelay == .milliseconds(milliseconds))
        #expect(actions.status?.code == code)
        if code == "PAIRING_REQUIRED" {
            #expect(actions.status?.state == .pairing)
            #expect(actions.status?.remedy == "On the gateway, run: openclaw devices approve abc")
        }
    }

    static let laterCloses: [(UInt16?, String, String)] = [
        (nil, "", "CONNECTION_LOST"), (1006, "", "CONNECTION_LOST"), (1012, "service restart", "GATEWAY_STOPPED"),
        (4001, "gateway auth changed", "SECRET_CHANGED"), (1013, "", "GATEWAY_STARTING"),
        (1008, "slow consumer", "SLOW_CONSUMER"),
    ]

    @Test(arguments: laterCloses)
    func closeOfAConnection(close: UInt16?, reason: String, code: String) throws {
        var harness = try MachineHarness()
        try harness.connect()
        let actions = harness.machine.socketClosed(code: close, reason: reason, now: harness.time.now)
        #expect(actions.status?.code == code)
        #expect(actions.status?.state == .backingOff)
        #expect(actions.reconnectDelay == (code == "GATEWAY_STARTING" ? .milliseconds(500) : .seconds(1)))
    }

    @Test func aWrongClockIsMeasured() throws {
        var harness = try MachineHarness()
        _ = harness.machine.start(now: harness.time.now)
        _ = harness.machine.socketOpened(now: harness.time.now)
        let theirs = harness.time.now.wall.milliseconds + 540_000
        let challenge: JSONValue = ["nonce": "n", "ts": .integer(theirs)]
        let request = try #require(
            harness.receive(["type": "event", "event": "connect.challenge", "payload": challenge]).requests.first)
        let error = Self.detailed("", ["code": "DEVICE_AUTH_SIGNATURE_EXPIRED"])
        let actions = harness.receive(["type": "res", "id": .string(request.id), "ok": false, "error": error])
        #expect(actions.status?.reason?.contains("the clock of this machine is 9 min behind the gateway's") == true)
    }
}
