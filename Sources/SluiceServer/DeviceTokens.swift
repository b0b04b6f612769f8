package import Logging
import MiddlewareKit
package import OpenClaw
import ServiceLifecycle
package import Storage
import Synchronization

/// The device tokens in memory, where the event loop of the gateways finds them at once. What changes is written to the
/// database behind it.
package final class DeviceTokens: DeviceTokenStore, Service {
    private let tokens: Mutex<[String: StoredDeviceToken]>
    private let deviceID: String
    private let storage: Database
    private let logger: Logger
    private enum Change: Sendable {
        case kept(StoredDeviceToken)
        case discarded(token: String, gateway: String)
        case forgotten(gateway: String)
    }

    /// Of more than fits, the oldest are lost: their gateways issue new tokens.
    private let changes: AsyncStream<Change>
    private let continuation: AsyncStream<Change>.Continuation

    private init(_ stored: [StoredDeviceToken], deviceID: String, storage: Database, logger: Logger) {
        tokens = Mutex(Dictionary(stored.map { ($0.gatewayID, $0) }) { $1 })
        self.deviceID = deviceID
        self.storage = storage
        self.logger = logger
        (changes, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1_000))
    }

    package static func load(
        from storage: Database, identity: DeviceIdentity, logger: Logger
    ) async throws -> DeviceTokens {
        DeviceTokens(
            try await storage.deviceTokens(), deviceID: identity.deviceID, storage: storage, logger: logger)
    }

    package func deviceToken(of gateway: GatewayConfiguration) -> DeviceToken? {
        tokens.withLock { tokens in
            guard let stored = tokens[gateway.id], stored.url == gateway.url, stored.deviceID == deviceID else {
                return nil
            }
            return DeviceToken(secret: Secret(stored.token), role: stored.role, scopes: stored.scopes)
        }
    }

    package func keep(_ token: DeviceToken, of gateway: GatewayConfiguration) {
        let new = StoredDeviceToken(
            gatewayID: gateway.id, url: gateway.url, deviceID: deviceID, token: token.secret.revealed,
            role: token.role, scopes: token.scopes)
        tokens.withLock { $0[gateway.id] = new }
        continuation.yield(.kept(new))
    }

    package func discard(_ token: DeviceToken, of gateway: GatewayConfiguration) {
        let text = token.secret.revealed
        tokens.withLock { if $0[gateway.id]?.token == text { $0[gateway.id] = nil } }
        continuation.yield(.discarded(token: text, gateway: gateway.id))
    }

    package func forget(_ gateway: GatewayConfiguration) {
        tokens.withLock { $0[gateway.id] = nil }
        continuation.yield(.forgotten(gateway: gateway.id))
    }

    /// Writes changes until the server stops, those of its last moment too.
    package func run() async {
        await withGracefulShutdownHandler {
            await writeChanges()
        } onGracefulShutdown: {
            self.finish()
        }
    }

    /// Lets ``writeChanges()`` end after what was kept so far.
    package func finish() { continuation.finish() }

    package func writeChanges() async {
        for await change in changes {
            do {
                try await write(change)
            } catch {
                logger.warning("a device token could not be stored", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func write(_ change: Change) async throws {
        switch change {
        case .kept(let token):
            try await storage.keepDeviceToken(token)
        case .discarded(let token, let gateway):
            // `sluice gateway test` may have got a newer one beside this process: the next attempt shows that.
            let newer = try await storage.forgetDeviceToken(token, gatewayID: gateway)
            guard let newer else { return }
            tokens.withLock { if $0[gateway] == nil { $0[gateway] = newer } }
        case .forgotten(let gateway):
            try await storage.forgetDeviceToken(gatewayID: gateway)
        }
    }
}
