import JSON
import Testing

@testable import OpenClaw

@Suite struct GatewayRequestTests {
    @Test func answersAreMatchedById() throws {
        var harness = try MachineHarness()
        try harness.connect()
        let (first, actions) = try harness.machine.submit(method: "a", params: ["x": 1])
        #expect(actions.first == .setTimer(.deadline(request: first), after: .seconds(30)))
        #expect(actions.requests == [GatewayRequest(id: first, method: "a", params: ["x": 1])])
        let (second, _) = try harness.machine.submit(method: "b", params: [:])
        let answer: JSONValue = ["type": "res", "id": .string(second), "ok": true, "error": nil, "payload": 7]
        #expect(harness.receive(answer).contains(.complete(id: second, answer: .success(7))))
        #expect(harness.receive(answer) == [])
        let refusal: JSONValue = [
            "type": "res", "id": .string(first), "ok": false,
            "error": ["code": "UNAVAILABLE", "message": "not now", "retryAfterMs": 5],
        ]
        let error = GatewayError.refused(code: "UNAVAILABLE", message: "not now", retryAfterMs: 5)
        #expect(harness.receive(refusal).contains(.complete(id: first, answer: .failure(error))))
        #expect(harness.machine.pending.isEmpty)
    }

    /// Protocol 3 says it in words only.
    @Test(
        arguments: [
            ["code": "INVALID_REQUEST", "message": "missing scope: operator.admin"],
            [
                "code": "FORBIDDEN", "message": "no",
                "details": ["code": "MISSING_SCOPE", "missingScope": "operator.admin"],
            ],
        ] as [JSONValue])
    func aMissingScopeIsNamed(fault: JSONValue) throws {
        var harness = try MachineHarness()
        try harness.connect()
        let (id, _) = try harness.machine.submit(method: "sessions.patch", params: [:])
        let error = GatewayError.missingScope("operator.admin", method: "sessions.patch")
        let refusal: JSONValue = ["type": "res", "id": .string(id), "ok": false, "error": fault]
        #expect(harness.receive(refusal).contains(.complete(id: id, answer: .failure(error))))
    }

    @Test func deadline() throws {
        var harness = try MachineHarness()
        try harness.connect()
        let (id, _) = try harness.machine.submit(method: "a", params: [:])
        let actions = harness.machine.fired(.deadline(request: id), now: harness.time.now)
        #expect(actions.contains(.complete(id: id, answer: .failure(.timedOut(method: "a")))))
        #expect(harness.receive(["type": "res", "id": .string(id), "ok": true]) == [])
    }

    @Test func aLostSocketFailsAllAtOnce() throws {
        var harness = try MachineHarness()
        try harness.connect()
        let ids = try (0..<5).map { _ in try harness.machine.submit(method: "a", params: [:]).id }.sorted()
        let actions = harness.machine.socketClosed(code: nil, reason: "", now: harness.time.now)
        #expect(actions.contains(.failPending(ids, .connectionLost)))
        #expect(throws: GatewayError.notConnected(gateway: "home", reason: "the connection was lost")) {
            try harness.machine.submit(method: "a", params: [:])
        }
    }

    @Test func requestsInFlightAreBounded() throws {
        var harness = try MachineHarness()
        try harness.connect()
        for _ in 0..<1_000 { _ = try harness.machine.submit(method: "a", params: [:]) }
        #expect(throws: GatewayError.tooManyPending) { try harness.machine.submit(method: "a", params: [:]) }
    }

    @Test func aStartingGatewayIsAskedAgain() throws {
        var harness = try MachineHarness()
        try harness.connect()
        let (id, sent) = try harness.machine.submit(method: "a", params: [:])
        let actions = harness.receive([
            "type": "res", "id": .string(id), "ok": false,
            "error": [
                "code": "UNAVAILABLE", "message": "m", "retryable": true, "details": ["reason": "startup-sidecars"],
            ],
        ])
        #expect(actions == [.setTimer(.resend(request: id), after: .milliseconds(500))])
        #expect(harness.machine.fired(.resend(request: id), now: harness.time.now).requests == sent.requests)
    }

    @Test func aRejectedRequestIsForgotten() throws {
        var harness = try MachineHarness()
        try harness.connect()
        let (id, _) = try harness.machine.submit(method: "a", params: [:])
        let error = GatewayError.frameTooLarge(bytes: 2, limit: 1)
        #expect(harness.machine.reject(id, error).contains(.complete(id: id, answer: .failure(error))))
        #expect(harness.machine.pending.isEmpty)
    }
}
