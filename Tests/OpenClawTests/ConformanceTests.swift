import JSON
import OpenClawTesting
import Testing

@testable import OpenClaw

/// The client against the strict fake gateway, for both protocols and for gateways of different age. Whatever the client
/// sends that a real gateway would refuse, the fake one refuses.
@Suite(.timeLimit(.minutes(1))) struct ConformanceTests {
    private static func options(
        _ version: FakeGateway.ProtocolVersion, _ change: (inout FakeGateway.Options) -> Void = { _ in }
    ) -> FakeGateway.Options {
        var options = FakeGateway.Options()
        options.protocolVersion = version
        change(&options)
        return options
    }

    @Test(arguments: FakeGateway.ProtocolVersion.allCases)
    func aWholeChat(version: FakeGateway.ProtocolVersion) async throws {
        try await LiveConnection.run(Self.options(version)) { live in
            let status = try await live.reaches(.ready)
            #expect(status.protocolVersion == version.rawValue)
            let chat = ChatRequest(sessionKey: "Main", message: "Hello", idempotencyKey: "k")
            #expect(try await live.connection.sendChat(chat) == .started(runID: "k"))
            #expect(await live.connection.canonicalKey("Main") == "agent:main:main")
            // Nothing that the client sent was refused for its shape: every request was recorded and answered.
            while await live.connection.hasPendingRequests { await Task.yield() }
            #expect(await live.connection.status.state == .ready)
            #expect(await live.connection.metadata?.agents.isEmpty == false)
            #expect(await live.connection.metadata?.models.isEmpty == false)
        }
    }

    /// What a gateway does not tell of itself has its default, and chats work all the same.
    @Test(
        arguments: FakeGateway.ProtocolVersion.allCases,
        ["features", "features.methods", "snapshot", "snapshot.sessionDefaults", "policy", "server", "auth"])
    func aGatewayThatTellsLittle(version: FakeGateway.ProtocolVersion, member: String) async throws {
        try await LiveConnection.run(Self.options(version) { $0.faults = [.helloWithout([member])] }) { live in
            try await live.reaches(.ready)
            let chat = ChatRequest(sessionKey: "main", message: "Hello", idempotencyKey: "k")
            #expect(try await live.connection.sendChat(chat) == .started(runID: "k"))
            while await live.connection.hasPendingRequests { await Task.yield() }
            #expect(await live.connection.status.state == .ready)
            #expect(await live.connection.metadata?.agents.isEmpty == false)
        }
    }

    /// The first gateways of protocol 3 know neither the newer members nor the newer signature.
    @Test(arguments: FakeGateway.ProtocolVersion.allCases)
    func anOlderGateway(version: FakeGateway.ProtocolVersion) async throws {
        let options = Self.options(version) {
            $0.unknownConnectMembers = ["instanceId", "userAgent"]
            $0.verifiesOldSignaturesOnly = true
        }
        try await LiveConnection.run(options) { live in
            // Both retries come at once, without a delay.
            let status = try await live.reaches(.ready)
            #expect(status.attempts == 0)
            let connects = await live.gateway.requests.filter { $0.method == "connect" }
            #expect(connects.count == 3)
            #expect(connects.last?.parameters["client"]?["instanceId"] == nil)
        }
    }

    @Test(arguments: FakeGateway.ProtocolVersion.allCases)
    func pairing(version: FakeGateway.ProtocolVersion) async throws {
        try await LiveConnection.run(Self.options(version) { $0.requiresApproval = true }) { live in
            let status = try await live.reaches(.pairing)
            let request = try #require(await live.gateway.pairingRequests.first)
            #expect(status.remedy == "On the gateway, run: openclaw devices approve \(request.id)")
            await live.gateway.approve(request.id)
            await live.connection.connectNow()
            try await live.reaches(.ready)
        }
    }

    @Test func moreScopesThanApproved() async throws {
        let scopes = GatewayConfiguration.defaultScopes + ["operator.approvals"]
        try await LiveConnection.run(Self.options(.v4) { $0.requiresApproval = true }, scopes: scopes) { live in
            try await live.reaches(.pairing)
            // The administrator approves less than that.
            let request = try #require(await live.gateway.pairingRequests.first)
            #expect(request.scopes == scopes)
            await live.gateway.approve(request.id, scopes: GatewayConfiguration.defaultScopes)
            await live.connection.connectNow()
            let status = try await live.reaches(.pairing)
            #expect(status.reason?.contains("approved now: operator.read, operator.write") == true)
        }
    }

    @Test func aGatewayThatStarts() async throws {
        let options = Self.options(.v4) { $0.faults = [.refuseConnect(.starting, times: 2)] }
        try await LiveConnection.run(options) { live in
            for _ in 0..<2 {
                let status = try await live.reaches(.backingOff)
                #expect(status.code == "GATEWAY_STARTING")
                #expect(status.attempts == 0)
                await live.connection.connectNow()
            }
            try await live.reaches(.ready)
        }
    }

    @Test func deviceTokensAreRotatedAndDropped() async throws {
        let options = Self.options(.v4) {
            $0.token = "shared"
            $0.rotatesDeviceTokens = true
        }
        try await LiveConnection.run(options, token: "shared") { live in
            try await live.reaches(.ready)
            let first = try #require(live.tokens.current)
            await live.gateway.interrupt(.cut)
            try await live.reaches(.backingOff)
            await live.connection.connectNow()
            try await live.reaches(.ready)
            let second = try #require(live.tokens.current)
            #expect(first != second)
            // The shared token is changed; on loopback the device token, which is still good, comes to help.
            await live.gateway.changeToken(to: "other")
            #expect(try await live.reaches(.backingOff).code == "SECRET_CHANGED")
            await live.connection.connectNow()
            #expect(try await live.reaches(.backingOff).code == "AUTH_TOKEN_MISMATCH")
            await live.connection.connectNow()
            try await live.reaches(.ready)
            #expect(live.tokens.current != second)
            // A device that is removed loses its token, and this end forgets it.
            let device = try #require(await live.gateway.requests.last { $0.method == "connect" })
            await live.gateway.removeDevice(device.parameters["device"]?["id"]?.string ?? "")
            await live.gateway.interrupt(.cut)
            try await live.reaches(.backingOff)
            await live.connection.connectNow()
            #expect(try await live.reaches(.backingOff).code == "AUTH_TOKEN_MISMATCH")
            await live.connection.connectNow()
            _ = try await live.reaches(.backingOff)
            #expect(live.tokens.current == nil)
            await live.connection.connectNow()
            #expect(try await live.reaches(.refused).code == "AUTH_TOKEN_MISMATCH")
        }
    }

    static let faults: [(FakeGateway.Fault, String)] = [
        (.blankNonce, "NO_NONCE"), (.refuseConnect(.connect("AUTH_RATE_LIMITED", "too many")), "AUTH_RATE_LIMITED"),
        (.refuseConnect(.connect("AUTH_PASSWORD_MISMATCH", "no")), "AUTH_PASSWORD_MISMATCH"),
    ]

    @Test(arguments: faults)
    func faultsOfTheHandshake(fault: FakeGateway.Fault, code: String) async throws {
        try await LiveConnection.run(Self.options(.v4) { $0.faults = [fault] }) { live in
            while await live.connection.status.code != code { await Task.yield() }
            await live.gateway.setFaults([])
            await live.connection.connectNow()
            try await live.reaches(.ready)
        }
    }

    @Test func aServerThatIsLessExact() async throws {
        try await LiveConnection.run(Self.options(.v3) { $0.faults = [.looseDialect] }) { live in
            try await live.isIdle()
            #expect(await live.connection.metadata?.models.isEmpty == false)
        }
    }
}
