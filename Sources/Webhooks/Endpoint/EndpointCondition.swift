import JSON
package import MiddlewareKit

/// `when:` of an endpoint.
package struct EndpointCondition: OptionGroup {
    package var gateway: PatternList?
    package var agent: PatternList?
    package var session: PatternList?
    package var user: PatternList?

    package init() {}

    package static let options: [Option<Self>] = [
        Option("gateway", \.gateway, help: "The id of the gateway, or a list.", example: "home"),
        Option("agent", \.agent, help: "The id of the agent, or a list.", example: "\"support-*\""),
        Option("session", \.session, help: "The session key, or a list.", example: "\"agent:main:*\""),
        Option("user", \.user, help: "Who wrote the message or started the run, or a list.", example: "alice"),
    ]

    /// Only what is given.
    var json: JSONValue {
        var object: JSONObject = [:]
        for (key, patterns) in [("gateway", gateway), ("agent", agent), ("session", session), ("user", user)] {
            if let patterns { object[key] = .array(patterns.texts.map { .string($0) }) }
        }
        return .object(object)
    }

    func matches(_ event: ReceivedEvent) -> Bool {
        let pairs = [(gateway, event.gateway), (agent, event.agent), (session, event.session), (user, event.user)]
        return pairs.allSatisfy { patterns, text in patterns?.matches(text) ?? true }
    }
}

/// One pattern, or a list of which any may match.
package struct PatternList: OptionValue, Hashable {
    fileprivate let texts: [String]
    private let patterns: [Pattern]

    package init(_ texts: [String]) {
        self.texts = texts
        patterns = texts.map(Pattern.init)
    }

    /// Those that match one text only.
    package var words: [String] { texts.filter { !$0.contains("*") } }

    /// What is not known matches nothing.
    func matches(_ text: String?) -> Bool {
        guard let text else { return false }
        return patterns.contains { $0.matches(text) }
    }

    package static var optionType: OptionType { .oneOrList(of: .string) }

    package static func read(_ node: ConfigNode, findings: inout Findings) -> PatternList? {
        guard case .sequence(let nodes) = node.content else {
            return String.read(node, findings: &findings).map { PatternList([$0]) }
        }
        guard !nodes.isEmpty else {
            findings.error(at: node.position, "\(node.label) must not be an empty list", hint: "leave the option out")
            return nil
        }
        return [String].read(node, findings: &findings).map(PatternList.init)
    }

    package var optionText: String { texts.optionText }
}
