import JSON
import Testing

@testable import OpenClawTesting

extension TestClient {
    /// Waits for the challenge and sends a proper `connect`.
    ///
    /// - Returns: The whole response.
    @discardableResult
    func handshake(
        scopes: [String] = TestDevice.readAndWrite,
        token: String? = nil,
        device: TestDevice? = nil
    ) async throws -> JSONValue {
        let nonce = try await nonce()
        let device = try device ?? TestDevice.vector()
        return try await request(
            "connect",
            device.connect(nonce: nonce, signedAt: testTime, scopes: scopes, token: token),
            id: "connect"
        )
    }

    func nonce() async throws -> String {
        try await event("connect.challenge")["payload"]?["nonce"]?.string ?? ""
    }
}

/// The time of the gateway's clock in all tests, in milliseconds.
let testTime: Int64 = 1_737_264_000_000

extension FakeGateway.Options {
    /// A clock that stands still, and no time in waits.
    static func test(_ change: (inout FakeGateway.Options) -> Void = { _ in }) -> FakeGateway.Options {
        var options = FakeGateway.Options()
        options.now = { testTime }
        options.sleep = { _ in }
        change(&options)
        return options
    }
}

/// Runs a gateway, and stops it in any case.
func withGateway(
    _ options: FakeGateway.Options = .test(),
    _ body: (FakeGateway) async throws -> Void
) async throws {
    let gateway = FakeGateway(options: options)
    try await gateway.start()
    do {
        try await body(gateway)
    } catch {
        await gateway.stop()
        throw error
    }
    await gateway.stop()
}

/// The same with a client that has done the handshake.
func withClient(
    _ options: FakeGateway.Options = .test(),
    scopes: [String] = TestDevice.readAndWrite,
    _ body: (FakeGateway, TestClient) async throws -> Void
) async throws {
    try await withGateway(options) { gateway in
        let client = try await TestClient.connect(to: gateway)
        let hello = try await client.handshake(scopes: scopes)
        try #require(hello["ok"] == true)
        try await body(gateway, client)
    }
}

/// The parameters of `chat.send`.
func chat(_ message: String, key: String = "agent:main:test", id: String = "run-1") -> JSONValue {
    ["sessionKey": .string(key), "message": .string(message), "idempotencyKey": .string(id)]
}
