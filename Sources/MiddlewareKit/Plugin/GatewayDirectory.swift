/// What stages may know of the gateways. Safe to call from anywhere.
package protocol GatewayDirectory: Sendable {
    func readiness(of gateway: String) async -> GatewayReadiness
    /// Why a gateway would not take a message; nil: it would.
    func objection(to message: InboundMessage, for gateway: String, from principal: Principal) async -> Rejection?
}

package enum GatewayReadiness: Sendable, Hashable {
    case connected
    /// It is away, and messages wait for it.
    case queueing
    /// It is away, and takes no message.
    case away
    case unknown
}

/// Names the ``GatewayDirectory`` among the services of a ``ProvisionContext``.
package enum GatewayDirectoryKey: ContextKey {
    package typealias Value = any GatewayDirectory
}
