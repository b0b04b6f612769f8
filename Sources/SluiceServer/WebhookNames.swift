package import MiddlewareKit
package import Settings
import Stages
import Webhooks

/// Looks at the names of all webhook stages and of their endpoints. Stored events know their stage by its name; calls and commands
/// know an endpoint by its name alone.
package struct WebhookNames {
    /// The first one of each name, and the number of its chain.
    private var stages: [String: (place: SourcePosition, chain: Int)] = [:]
    private var endpoints: [String: SourcePosition] = [:]

    package static func check(_ chains: PlannedChains, findings: inout Findings) {
        var names = WebhookNames()
        var seen: Set<String> = []
        for (number, chain) in ([chains.pipeline] + chains.named.map(\.chain)).enumerated() {
            // Those that will share an instance, once.
            for stage in chain.stages where seen.insert(stage.identity).inserted {
                guard let options = stage.options as? WebhookOptions else { continue }
                if let first = names.stages[stage.entry.name] {
                    // Two of one chain have their finding already.
                    if first.chain != number { report(stage, likeTheOneAt: first.place, &findings) }
                } else {
                    names.stages[stage.entry.name] = (stage.entry.use.position, number)
                    names.check(options, of: stage, &findings)
                }
            }
        }
    }

    private static func report(
        _ stage: PlannedStage, likeTheOneAt first: SourcePosition, _ findings: inout Findings
    ) {
        let place = stage.entry.use.position
        findings.error(
            at: place,
            "the webhook stage \(quote(stage.entry.name)) has other options \(first.words(from: place)); events go by the name of "
                + "their stage, so one of the two would deliver those of both",
            hint: "give this one a `name` of its own")
    }

    private mutating func check(_ options: WebhookOptions, of stage: PlannedStage, _ findings: inout Findings) {
        let own = options.endpoints.enumerated().map { index, endpoint in
            let place = stage.entry.with?.node.position(of: "endpoints[\(index + 1)].name")
            return (endpoint.name, place ?? stage.entry.use.position)
        }
        for (name, place) in own {
            guard let first = endpoints[name] else { continue }
            findings.warning(
                at: place,
                "another webhook stage has an endpoint \(quote(name)) \(first.words(from: place)), and calls and commands know an "
                    + "endpoint by its name alone",
                hint: "give one of them a `name` of its own")
        }
        // Two of one stage have their finding already.
        endpoints.merge(own) { first, _ in first }
    }
}
