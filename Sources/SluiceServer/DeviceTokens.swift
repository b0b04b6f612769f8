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
    /// Gateways whose token changed. Of more than fits, the oldest are lost: their gateways issue new ones.
    private let changes: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

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

    package func keep(_ token: DeviceToken?, of gateway: GatewayConfiguration) {
        let new = token.map { token in
            StoredDeviceToken(
                gatewayID: gateway.id, url: gateway.url, deviceID: deviceID, token: token.secret.revealed,
                role: token.role, scopes: token.scopes)
        }
        tokens.withLock { $0[gateway.id] = new }
        continuation.yield(gateway.id)
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
        for await gateway in changes {
            do {
                if let token = tokens.withLock({ $0[gateway] }) {
                    try await storage.keepDeviceToken(token)
                } else {
                    try await storage.forgetDeviceToken(gatewayID: gateway)
                }
            } catch {
                logger.warning(
                    "a device token could not be stored", metadata: ["gateway.id": "\(gateway)", "reason": "\(error)"])
            }
        }
    }
}
