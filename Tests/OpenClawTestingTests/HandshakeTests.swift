import JSON
import OpenClawTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HandshakeTests {
    @Test(arguments: FakeGateway.ProtocolVersion.allCases)
    func helloTellsWhatTheClientNeeds(version: FakeGateway.ProtocolVersion) async throws {
        try await withGateway(.test { $0.protocolVersion = version }) { gateway in
            let client = try await TestClient.connect(to: gateway)
            let hello = try await client.handshake()["payload"]
            #expect(hello?["type"] == "hello-ok")
            #expect(hello?["protocol"]?.int == version.rawValue)
            #expect(hello?["auth"]?["scopes"] == ["operator.read", "operator.write"])
            #expect(hello?["auth"]?["deviceToken"]?.string?.isEmpty == false)
            #expect(hello?["snapshot"]?["sessionDefaults"]?["mainSessionKey"] == "agent:main:main")
            #expect(hello?["policy"]?["tickIntervalMs"] == 30000)
            #expect(hello?["policy"]?["maxPayload"] == 26_214_400)
            #expect(try await client.event("health")["seq"] != nil)
            #expect(await gateway.clientCount == 1)
        }
    }

    @Test(arguments: [2, 3])
    func bothSignatureVersionsAreGood(payloadVersion: Int) async throws {
        try await withGateway { gateway in
            let client = try await TestClient.connect(to: gateway)
            let device = try TestDevice.vector()
            let parameters = try device.connect(
                nonce: await client.nonce(),
                signedAt: testTime,
                payloadVersion: payloadVersion
            )
            #expect(try await client.request("connect", parameters)["ok"] == true)
        }
    }

    /// What is wrong with an otherwise good `connect`, and the `details.code` that it gets.
    struct BadDevice: Sendable, CustomTestStringConvertible {
        let code: String
        let member: String
        let value: JSONValue
        var testDescription: String { code }
    }

    @Test(arguments: [
        BadDevice(code: "DEVICE_AUTH_SIGNATURE_INVALID", member: "signature", value: "AAAA"),
        BadDevice(code: "DEVICE_AUTH_DEVICE_ID_MISMATCH", member: "id", value: "ffff"),
        BadDevice(code: "DEVICE_AUTH_PUBLIC_KEY_INVALID", member: "publicKey", value: "AAAA"),
        BadDevice(code: "DEVICE_AUTH_NONCE_MISMATCH", member: "nonce", value: "another-nonce"),
        BadDevice(code: "DEVICE_AUTH_NONCE_REQUIRED", member: "nonce", value: " "),
        BadDevice(code: "DEVICE_AUTH_SIGNATURE_EXPIRED", member: "signedAt", value: .integer(testTime - 120_001)),
    ])
    func aBadDeviceIsRefused(bad: BadDevice) async throws {
        try await withGateway { gateway in
            let client = try await TestClient.connect(to: gateway)
            let good = try TestDevice.vector().connect(nonce: await client.nonce(), signedAt: testTime)
            guard case .object(var parameters) = good, case .object(var device)? = parameters["device"] else { return }
            device[bad.member] = bad.value
            parameters["device"] = .object(device)
            let response = try await client.request("connect", .object(parameters))
            #expect(response["ok"] == false)
            #expect(response["error"]?["details"]?["code"]?.string == bad.code)
            #expect(
                try await client.closure() == .closed(code: 1008, reason: response["error"]?["message"]?.string ?? "")
            )
        }
    }

    @Test func aSignatureOverAnotherTokenIsRefused() async throws {
        try await withGateway(.test { $0.token = "secret" }) { gateway in
            let client = try await TestClient.connect(to: gateway)
            let signed = try TestDevice.vector().connect(
                nonce: await client.nonce(),
                signedAt: testTime,
                token: "other"
            )
            guard case .object(var parameters) = signed else { return }
            parameters["auth"] = ["token": "secret"]
            let response = try await client.request("connect", .object(parameters))
            #expect(response["error"]?["details"]?["code"] == "DEVICE_AUTH_SIGNATURE_INVALID")
        }
    }

    @Test func protocolThreeAllowsTenMinutesOfSkew() async throws {
        try await withGateway(.test { $0.protocolVersion = .v3 }) { gateway in
            let client = try await TestClient.connect(to: gateway)
            let parameters = try TestDevice.vector().connect(
                nonce: await client.nonce(),
                signedAt: testTime - 600_000,
                payloadVersion: 2
            )
            #expect(try await client.request("connect", parameters)["ok"] == true)
        }
    }

    @Test func theTokenMustBeRight() async throws {
        try await withGateway(.test { $0.token = "secret" }) { gateway in
            let wrong = try await TestClient.connect(to: gateway)
            let refusal = try await wrong.handshake(token: "wrong")
            #expect(refusal["error"]?["details"]?["code"] == "AUTH_TOKEN_MISMATCH")
            #expect(try await wrong.closure() == .closed(code: 1008, reason: "unauthorized: gateway token mismatch"))

            let without = try await TestClient.connect(to: gateway)
            #expect(try await without.handshake()["error"]?["details"]?["code"] == "AUTH_TOKEN_MISSING")

            let right = try await TestClient.connect(to: gateway)
            let hello = try await right.handshake(token: "secret")
            #expect(hello["ok"] == true)

            // The device token that the gateway gave out is as good as the shared one, for that device.
            let deviceToken = try #require(hello["payload"]?["auth"]?["deviceToken"]?.string)
            let again = try await TestClient.connect(to: gateway)
            #expect(try await again.handshake(token: deviceToken)["ok"] == true)
        }
    }

    @Test func withoutADeviceThereAreNoPermissions() async throws {
        try await withGateway { gateway in
            let client = try await TestClient.connect(to: gateway)
            let signed = try TestDevice.vector().connect(nonce: await client.nonce(), signedAt: testTime)
            guard case .object(var parameters) = signed else { return }
            parameters["device"] = nil
            let hello = try await client.request("connect", .object(parameters))
            #expect(hello["ok"] == true)
            #expect(hello["payload"]?["auth"]?["scopes"] == [])
            let response = try await client.request("agents.list", id: "r2")
            #expect(response["error"]?["code"] == "FORBIDDEN")
            #expect(response["error"]?["details"]?["missingScope"] == "operator.read")
        }
    }

    @Test func theProtocolMustFit() async throws {
        try await withGateway { gateway in
            let client = try await TestClient.connect(to: gateway)
            let parameters = try TestDevice.vector().connect(
                nonce: await client.nonce(),
                signedAt: testTime,
                protocols: 3...3
            )
            let error = try await client.request("connect", parameters)["error"]
            #expect(error?["details"]?["code"] == "PROTOCOL_MISMATCH")
            #expect(error?["details"]?["expectedProtocol"] == 4)
            #expect(try await client.closure() == .closed(code: 1002, reason: "protocol mismatch"))
        }
    }

    @Test func theFirstRequestMustBeConnect() async throws {
        try await withGateway { gateway in
            let client = try await TestClient.connect(to: gateway)
            #expect(try await client.request("health")["error"]?["code"] == "INVALID_REQUEST")
            guard case .closed(1008, _) = try await client.closure() else {
                Issue.record("not closed with 1008")
                return
            }
        }
    }

    @Test func aFrameBeforeHelloIsAtMost64KiB() async throws {
        try await withGateway { gateway in
            let client = try await TestClient.connect(to: gateway)
            try await client.send(String(repeating: " ", count: 65_537))
            guard case .closed(1009, _) = try await client.closure() else {
                Issue.record("not closed with 1009")
                return
            }
        }
    }

    @Test func connectParametersAreClosed() async throws {
        try await withGateway { gateway in
            let client = try await TestClient.connect(to: gateway)
            let signed = try TestDevice.vector().connect(nonce: await client.nonce(), signedAt: testTime)
            guard case .object(var parameters) = signed else { return }
            parameters["surprise"] = 1
            let response = try await client.request("connect", .object(parameters))
            #expect(response["error"]?["message"] == "invalid connect params: at root: unexpected property 'surprise'")
        }
    }

    @Test func browserClientsNeedAnOrigin() async throws {
        try await withGateway { gateway in
            let client = try await TestClient.connect(to: gateway)
            let signed = try TestDevice.vector().connect(nonce: await client.nonce(), signedAt: testTime)
            guard case .object(var parameters) = signed else { return }
            parameters["client"] = ["id": "webchat-ui", "version": "1", "platform": "linux", "mode": "webchat"]
            let response = try await client.request("connect", .object(parameters))
            #expect(response["error"]?["details"]?["code"] == "CONTROL_UI_ORIGIN_NOT_ALLOWED")
        }
    }
}
