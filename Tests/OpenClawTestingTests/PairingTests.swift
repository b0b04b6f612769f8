import JSON
import Testing

@testable import OpenClawTesting

@Suite struct PairingTests {
    private func connect(
        _ gateway: FakeGateway, _ device: TestDevice, scopes: [String] = TestDevice.readAndWrite, token: String? = nil
    ) async throws -> JSONValue {
        let client = try await TestClient.connect(to: gateway)
        return try await client.handshake(scopes: scopes, token: token, device: device)
    }

    @Test func aDeviceMustBeApprovedOnce() async throws {
        try await withGateway(.test { $0.requiresApproval = true }) { gateway in
            let device = TestDevice.random()
            let error = try await connect(gateway, device)["error"]
            #expect(error?["code"] == "NOT_PAIRED")
            #expect(error?["details"]?["code"] == "PAIRING_REQUIRED")
            #expect(error?["details"]?["reason"] == "not-paired")
            let id = try #require(error?["details"]?["requestId"]?.string)
            // Asking again makes no second request.
            #expect(try await connect(gateway, device)["error"]?["details"]?["requestId"]?.string == id)
            #expect(await gateway.pairingRequests.map(\.deviceID) == [device.id])
            #expect(await gateway.approve("other") == false)
            #expect(await gateway.approve(id))
            #expect(try await connect(gateway, device)["ok"] == true)
            #expect(try await connect(gateway, TestDevice.random())["ok"] == false)
            await gateway.removeDevice(device.id)
            #expect(try await connect(gateway, device)["ok"] == false)
        }
    }

    @Test func moreScopesMustBeApprovedAnew() async throws {
        try await withGateway(.test { $0.requiresApproval = true }) { gateway in
            let device = TestDevice.random()
            _ = try await connect(gateway, device)
            await gateway.approve(try #require(await gateway.pairingRequests.first?.id))
            let more = TestDevice.readAndWrite + ["operator.approvals"]
            let details = try await connect(gateway, device, scopes: more)["error"]?["details"]
            #expect(details?["reason"] == "scope-upgrade")
            #expect(details?["approvedScopes"] == ["operator.read", "operator.write"])
            // Fewer, or the same, still work.
            #expect(try await connect(gateway, device, scopes: ["operator.read"])["ok"] == true)
        }
    }

    @Test func theSecretComesBeforeThePairing() async throws {
        try await withGateway(
            .test {
                $0.requiresApproval = true
                $0.token = "secret"
            }
        ) { gateway in
            let device = TestDevice.random()
            let error = try await connect(gateway, device, token: "wrong")["error"]
            #expect(error?["details"]?["code"] == "AUTH_TOKEN_MISMATCH")
            #expect(await gateway.pairingRequests.isEmpty)
        }
    }

    @Test func anOlderGatewayKnowsLess() async throws {
        try await withGateway(
            .test {
                $0.unknownConnectMembers = ["platform", "userAgent"]
                $0.verifiesOldSignaturesOnly = true
            }
        ) { gateway in
            let message = try await connect(gateway, TestDevice.random())["error"]?["message"]?.string
            #expect(message == "invalid connect params: at /client: unexpected property 'platform'")
        }
    }

    @Test func aChangedTokenClosesConnections() async throws {
        try await withGateway(.test { $0.token = "old" }) { gateway in
            let client = try await TestClient.connect(to: gateway)
            #expect(try await client.handshake(token: "old")["ok"] == true)
            await gateway.changeToken(to: "new")
            #expect(try await client.closure() == .closed(code: 4001, reason: "gateway auth changed"))
            let again = try await TestClient.connect(to: gateway)
            #expect(try await again.handshake(token: "new")["ok"] == true)
        }
    }
}
