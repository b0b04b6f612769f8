import JSON
import MiddlewareKit
import Testing

@testable import OpenClaw

/// What is tried once, at once, before an administrator is asked.
@Suite struct SpecialRetryTests {
    private static func error(_ code: String) -> JSONValue {
        ["code": "INVALID_REQUEST", "message": "m", "details": ["code": .string(code)]]
    }

    private static let issued = DeviceToken(
        secret: Secret("issued"), role: "operator", scopes: ["operator.read", "operator.write"])

    @Test func olderSignature() throws {
        var harness = try MachineHarness()
        let invalid = Self.error("DEVICE_AUTH_SIGNATURE_INVALID")
        #expect(try harness.refuse(invalid).reconnectDelay == .zero)
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

    @Test func membersThatAnOlderGatewayDoesNotKnow() throws {
        var harness = try MachineHarness()
        #expect(try harness.openAndChallenge().params["client"]?["instanceId"]?.string?.hasPrefix("sluice-") == true)
        _ = harness.machine.socketClosed(code: nil, reason: "", now: harness.time.now)
        let words =
            "invalid connect params: at /client: unexpected property 'instanceId'; at root: unexpected property "
        var actions = try harness.refuse(["code": "INVALID_REQUEST", "message": .string(words + "'userAgent'")])
        #expect(actions.reconnectDelay == .zero)
        #expect(actions.status?.attempts == 1)  // the lost socket before
        let params = try harness.openAndChallenge().params
        #expect(params["client"]?["instanceId"] == nil)
        #expect(params["client"]?["displayName"] == "Sluice")
        #expect(params["userAgent"] == nil)
        _ = harness.machine.socketClosed(code: nil, reason: "", now: harness.time.now)
        // What was left out already cannot be the matter.
        actions = try harness.refuse(["code": "INVALID_REQUEST", "message": .string(words + "'userAgent'")])
        #expect(actions.reconnectDelay == .seconds(60))
        #expect(actions.status?.state == .refused)
        // It stays left out.
        #expect(try harness.openAndChallenge().params["userAgent"] == nil)
    }

    @Test(arguments: [("ws://127.0.0.1:1", true), ("ws://[::1]:1/x", true), ("ws://example.com:1", false)])
    func theDeviceTokenBesideTheSharedOneOnLoopbackOnly(url: String, isTried: Bool) throws {
        var harness = try MachineHarness(url: url, deviceToken: Self.issued)
        #expect(try harness.openAndChallenge().params["auth"] == ["token": "secret"])
        _ = harness.machine.socketClosed(code: nil, reason: "", now: harness.time.now)
        let actions = try harness.refuse(Self.error("AUTH_TOKEN_MISMATCH"))
        #expect(actions.reconnectDelay == (isTried ? .milliseconds(250) : .seconds(60)))
        let auth = try harness.openAndChallenge().params["auth"]
        #expect(auth?["token"] == "secret")
        #expect(auth?["deviceToken"] == (isTried ? "issued" : nil))
        guard isTried else { return }
        _ = harness.machine.socketClosed(code: nil, reason: "", now: harness.time.now)
        #expect(try harness.refuse(Self.error("AUTH_TOKEN_MISMATCH")).reconnectDelay == .seconds(60))
        #expect(try harness.openAndChallenge().params["auth"]?["deviceToken"] == nil)
    }

    /// Whoever relies on the token should know that it is wrong.
    @Test func thatOnlyTheDeviceTokenHelpedIsSaid() throws {
        var harness = try MachineHarness(deviceToken: Self.issued)
        _ = try harness.refuse(Self.error("AUTH_TOKEN_MISMATCH"))
        let status = try #require(try harness.connect().status)
        #expect(status.state == .ready)
        #expect(status.code == "ONLY_DEVICE_TOKEN")
        #expect(status.reason?.contains("refused `token`") == true)
        #expect(status.remedy?.contains("Set `token`") == true)
        // A device token that is refused as well cannot have been what helped.
        _ = harness.machine.socketClosed(code: nil, reason: "", now: harness.time.now)
        _ = try harness.refuse(Self.error("AUTH_TOKEN_MISMATCH"))
        _ = try harness.refuse(Self.error("AUTH_DEVICE_TOKEN_MISMATCH"))
        let alone = try #require(try harness.connect().status)
        #expect(alone.state == .ready && alone.code == nil)
        // With the right one nothing is said any more.
        _ = harness.machine.socketClosed(code: nil, reason: "", now: harness.time.now)
        let again = try #require(try harness.connect().status)
        #expect(again.state == .ready && again.code == nil && again.reason == nil && again.remedy == nil)
    }

    @Test func theDeviceTokenStandsInForASharedSecret() throws {
        var harness = try MachineHarness(token: nil, url: "ws://example.com:1", deviceToken: Self.issued)
        let params = try harness.openAndChallenge().params
        #expect(params["auth"] == ["token": "issued", "deviceToken": "issued"])
        let identity = try TestIdentity.make()
        let payload = ConnectRequest.signaturePayload(
            .v3, deviceID: identity.deviceID, scopes: ["operator.read", "operator.write"],
            signedAt: harness.time.now.wall, token: "issued", nonce: "n-1")
        #expect(params["device"]?["signature"]?.string == (try identity.sign(payload)))
    }

    @Test func aPasswordIsSentAloneAndNotSigned() throws {
        var harness = try MachineHarness(token: nil, password: "pw", deviceToken: Self.issued)
        let params = try harness.openAndChallenge().params
        #expect(params["auth"] == ["password": "pw"])
        let identity = try TestIdentity.make()
        let payload = ConnectRequest.signaturePayload(
            .v3, deviceID: identity.deviceID, scopes: ["operator.read", "operator.write"],
            signedAt: harness.time.now.wall, token: "", nonce: "n-1")
        #expect(params["device"]?["signature"]?.string == (try identity.sign(payload)))
    }

    @Test func aDeviceTokenThatIsNotTakenIsForgotten() throws {
        var harness = try MachineHarness(token: nil, deviceToken: Self.issued)
        var actions = try harness.refuse(Self.error("AUTH_DEVICE_TOKEN_MISMATCH"))
        #expect(actions.contains(.discardDeviceToken(Self.issued)))
        // There is no shared secret to try.
        #expect(actions.reconnectDelay == .seconds(60))
        #expect(try harness.openAndChallenge().params["auth"] == nil)

        var other = try MachineHarness(deviceToken: Self.issued)
        actions = try other.refuse(Self.error("AUTH_DEVICE_TOKEN_MISMATCH"))
        #expect(actions.contains(.discardDeviceToken(Self.issued)))
        #expect(actions.reconnectDelay == .milliseconds(250))
        actions = try other.refuse(Self.error("AUTH_DEVICE_TOKEN_MISMATCH"))
        #expect(!actions.contains(.discardDeviceToken(Self.issued)))
        #expect(actions.reconnectDelay == .seconds(60))
    }

    @Test func aNewDeviceTokenIsKept() throws {
        var harness = try MachineHarness(deviceToken: Self.issued)
        func hello(_ token: String) -> JSONValue {
            let scopes: JSONValue = ["operator.read", "operator.write"]
            return ["protocol": 4, "auth": ["deviceToken": .string(token), "role": "operator", "scopes": scopes]]
        }
        #expect(!(try harness.connect(hello: hello("issued"))).contains { $0.isKeeping })
        _ = harness.machine.socketClosed(code: nil, reason: "", now: harness.time.now)
        var rotated = Self.issued
        rotated.secret = Secret("rotated")
        #expect(try harness.connect(hello: hello("rotated")).contains(.keepDeviceToken(rotated)))
        #expect(harness.machine.connect.deviceToken == rotated)
    }
}

extension GatewayStateMachine.Action {
    fileprivate var isKeeping: Bool { if case .keepDeviceToken = self { true } else { false } }
}
