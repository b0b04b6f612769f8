import Foundation
import Logging
import MiddlewareKit
import OpenClaw
import Storage
import Testing

@testable import SluiceServer

/// The tokens of a running server, beside a command that connects to the same gateway.
struct DeviceTokensTests {
    @Test func aTokenThatACommandGotIsUsedWhenTheOldOneFails() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let storage = try Database.open(
            path: folder.appending(path: "test.db").path(), synchronous: .normal, busyTimeout: .seconds(5))
        let gateway = GatewayConfiguration(id: "home", name: "Home", url: "ws://127.0.0.1:18789")
        let identity = DeviceIdentity()
        let old = DeviceToken(secret: Secret("old"), role: "operator", scopes: ["operator.read"])
        var new = old
        new.secret = Secret("new")

        try await keep(old, of: gateway, in: storage, identity)
        let server = try await DeviceTokens.load(from: storage, identity: identity, logger: Self.logger)
        try await keep(new, of: gateway, in: storage, identity)
        #expect(server.deviceToken(of: gateway) == old)
        server.discard(old, of: gateway)
        server.finish()
        await server.writeChanges()
        #expect(server.deviceToken(of: gateway) == new)
        #expect(try await storage.deviceTokens().map(\.token) == ["new"])
        try storage.close()
    }

    /// What another process does.
    private func keep(
        _ token: DeviceToken, of gateway: GatewayConfiguration, in storage: Database, _ identity: DeviceIdentity
    ) async throws {
        let tokens = try await DeviceTokens.load(from: storage, identity: identity, logger: Self.logger)
        tokens.keep(token, of: gateway)
        tokens.finish()
        await tokens.writeChanges()
    }

    private static var logger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
