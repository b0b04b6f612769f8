import Logging
import MiddlewareKit

/// Sends a message to the first of its targets that is connected; when none is, to the first that lets messages wait.
struct RouteStage: Middleware {
    let targets: [RouteTarget]
    let gateways: any GatewayDirectory

    static let paths = StagePaths(inbound: [.chat])

    var handles: StagePaths { Self.paths }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        // A stage above has said where it goes.
        guard message.route == nil else { return try await next(message, context) }
        var message = message
        message.route = try await choose(for: message, context)?.route(of: message)
        let gateway = message.route?.gateway ?? message.gateway
        if let objection = await gateways.objection(
            to: message, for: gateway, from: context.principal ?? .anonymous)
        {
            throw objection
        }
        if let route = message.route {
            context.logger.debug("sent on to \(route.gateway)\(route.agent.map { ", agent \($0)" } ?? "")")
        }
        try await next(message, context)
    }

    private func choose(for message: InboundMessage, _ context: MessageContext) async throws -> RouteTarget? {
        var queueing: RouteTarget?
        for target in targets {
            let gateway = target.gateway ?? message.gateway
            switch await gateways.readiness(of: gateway) {
            case .connected: return target
            case .queueing: queueing = queueing ?? target
            case .away: break
            case .unknown: context.logger.warning("there is no gateway “\(gateway)” to send messages on to")
            }
        }
        if let queueing { return queueing }
        throw Rejection(
            code: "gateway_unavailable", message: "None of the gateways for this message is connected. Try again later."
        )
    }
}

extension RouteTarget {
    /// Nil: where the message goes in any case.
    fileprivate func route(of message: InboundMessage) -> MessageRoute? {
        let gateway = gateway ?? message.gateway
        guard gateway == message.gateway else { return MessageRoute(gateway: gateway, agent: agent) }
        guard let agent, agent != message.agent else { return nil }
        return MessageRoute(gateway: gateway, agent: agent)
    }
}
