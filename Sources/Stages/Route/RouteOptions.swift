package import MiddlewareKit

/// The `with` block of `route`.
package struct RouteOptions: OptionGroup {
    package var to: [RouteTarget] = []

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "to", \.to, help: "Where messages go: to the first of these that is connected.",
            example: "[ { gateway: big }, { gateway: spare, agent: helper } ]", isRequired: true,
            check: { $0.isEmpty ? "must name at least one target" : nil })
    ]
}

/// One of the places where messages may go.
package struct RouteTarget: OptionGroup {
    package var gateway: String?
    package var agent: String?

    package init() {}

    package static let options: [Option<Self>] = [
        Option("gateway", \.gateway, help: "The id of the gateway; the session's own when left out.", example: "spare"),
        Option(
            "agent", \.agent,
            help: """
                The id of the agent. When it is left out: on the session's own gateway the session's own agent, on another \
                one its default agent.
                """,
            example: "helper"),
    ]
}

/// Makes route stages.
package enum RoutePlugin: MiddlewarePlugin {
    package static let kind = "route"
    package static let summary = "Sends messages to another gateway or agent, the first one that is connected."
    package static let defaultTimeout: Duration? = nil
    package static let isQuick = true

    package static func handles(_ options: RouteOptions) -> StagePaths? { RouteStage.paths }

    package static func validate(_ options: RouteOptions, in environment: StageEnvironment) -> [OptionProblem] {
        if options.to.contains(where: { $0.gateway == "" || $0.agent == "" }) {
            return [OptionProblem(key: "to", message: "a gateway and an agent must have a name")]
        }
        // Beside other targets, one that names nothing means the place where the message goes in any case.
        guard options.to.allSatisfy({ $0.gateway == nil && $0.agent == nil }), !options.to.isEmpty else { return [] }
        return [
            OptionProblem(
                key: "to[1]", message: "names neither a gateway nor an agent, so messages go where they go in any case",
                hint: "such as { gateway: spare } or { agent: helper }")
        ]
    }

    package static func advise(_ options: RouteOptions, at place: ChainPlace) -> [OptionProblem] {
        var advice = options.to.enumerated().compactMap { index, target in
            target.gateway.flatMap { place.problem(ofGateway: $0, key: "to[\(index + 1)].gateway") }
        }
        if place.above.contains("persist") {
            advice.append(
                OptionProblem(
                    message:
                        "`route` is below `persist`, so a restart cannot find the answers of messages that it sent on",
                    hint: "move it above `persist`"))
        }
        return advice
    }

    package static func provision(_ options: RouteOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        guard let gateways = context[GatewayDirectoryKey.self] else { throw NoGateways() }
        return RouteStage(targets: options.to, gateways: gateways)
    }
}

private struct NoGateways: Error, CustomStringConvertible {
    let description = "there are no gateways to choose from here"
}
