import JSON
import MiddlewareKit
import Testing

@testable import OpenClaw

/// A state machine in the hand of a test.
struct MachineHarness {
    typealias Action = GatewayStateMachine.Action

    var machine: GatewayStateMachine
    var time = TestTime()

    init(
        token: String? = "secret",
        password: String? = nil,
        url: String = "ws://127.0.0.1:18789",
        scopes: [String] = GatewayConfiguration.defaultScopes,
        deviceToken: DeviceToken? = nil,
        random: Double = 0.5
    ) throws {
        let configuration = GatewayConfiguration(
            id: "home", name: "Home", url: url, token: token.map(Secret.init), password: password.map(Secret.init),
            scopes: scopes)
        machine = GatewayStateMachine(
            options: .init(
                configuration: configuration, identity: try TestIdentity.make(), version: "1.0.0",
                deviceToken: deviceToken),
            now: time.now,
            random: { random }
        )
    }

    mutating func receive(_ frame: JSONValue) -> [Action] { machine.received(frame, now: time.now) }

    /// From `start` or `reconnect` to the connect request.
    @discardableResult
    mutating func openAndChallenge() throws -> GatewayRequest {
        if machine.phase == .stopped { _ = machine.start(now: time.now) }
        if machine.phase == .waiting { _ = machine.fired(.reconnect, now: time.now) }
        _ = machine.socketOpened(now: time.now)
        let actions = receive(["type": "event", "event": "connect.challenge", "payload": ["nonce": " n-1 "]])
        return try #require(actions.requests.first)
    }

    @discardableResult
    mutating func connect(hello: JSONValue = MachineHarness.hello) throws -> [Action] {
        let request = try openAndChallenge()
        return receive(["type": "res", "id": .string(request.id), "ok": true, "payload": hello])
    }

    /// Connects until the gateway refuses with this error.
    mutating func refuse(_ error: JSONValue) throws -> [Action] {
        let request = try openAndChallenge()
        return receive(["type": "res", "id": .string(request.id), "ok": false, "error": error])
    }

    static let hello: JSONValue = [
        "type": "hello-ok", "protocol": 4, "server": ["version": "2026.5.12"],
        "auth": ["role": "operator", "scopes": ["operator.read", "operator.write"]],
        "policy": ["maxPayload": 1000, "maxBufferedBytes": 2000, "tickIntervalMs": 30000],
    ]
}

extension [GatewayStateMachine.Action] {
    var requests: [GatewayRequest] {
        compactMap { if case .send(let request) = $0 { request } else { nil } }
    }
    var reconnectDelay: Duration? {
        for case .scheduleReconnect(let delay) in self { return delay }
        return nil
    }
    var status: GatewayStatus? {
        for case .publish(let status) in self.reversed() { return status }
        return nil
    }
}
