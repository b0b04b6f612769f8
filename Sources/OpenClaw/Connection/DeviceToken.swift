package import MiddlewareKit

/// What a gateway issued to this device, so that it need not show the shared secret again (OpenClaw protocol: choosing
/// credentials). A gateway may replace it at every hello.
package struct DeviceToken: Sendable, Equatable {
    package var secret: Secret
    package var role: String
    package var scopes: [String]

    package init(secret: Secret, role: String, scopes: [String]) {
        self.secret = secret
        self.role = role
        self.scopes = scopes
    }
}

/// Keeps the device tokens while the server does not run. Called on the event loop of the gateways: it must not block.
package protocol DeviceTokenStore: Sendable {
    /// Nil when there is none that this device got from a gateway at this very URL.
    func deviceToken(of gateway: GatewayConfiguration) -> DeviceToken?
    func keep(_ token: DeviceToken, of gateway: GatewayConfiguration)
    /// The gateway does not take this one any more. If another one is kept by now, it stays.
    func discard(_ token: DeviceToken, of gateway: GatewayConfiguration)
    /// The gateway was removed.
    func forget(_ gateway: GatewayConfiguration)
}
