package import MiddlewareKit

extension GatewayManager: GatewayDirectory {
    package func readiness(of gateway: String) -> GatewayReadiness {
        do {
            return try checkRoom(gateway: gateway) ? .queueing : .connected
        } catch GatewayError.unknownGateway {
            return .unknown
        } catch {
            return .away
        }
    }
}
