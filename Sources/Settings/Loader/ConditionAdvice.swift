import MiddlewareKit

/// Warns of comparisons in a condition that are legal, but true for nobody that the configuration knows of.
struct ConditionAdvice {
    /// The ids of the gateways that the file names; none: it says nothing of gateways.
    let gateways: [String]
    /// Nil: a stage of somebody's own may say who people are.
    let people: KnownPeople?

    /// - Parameter node: Behind `when`; what is wrong with it has its findings already.
    func findings(on node: ConfigNode?) -> Findings {
        var findings = Findings()
        var read = Findings()
        // What a variable holds must not be repeated.
        guard let node, !node.isFromEnvironment, let condition = Condition.read(node, findings: &read) else {
            return findings
        }
        for comparison in condition.comparisons {
            guard let (message, hint) = problem(of: comparison) else { continue }
            findings.warning(at: node.position(ofScalar: comparison.offset), message, hint: hint)
        }
        return findings
    }

    private func problem(of comparison: Condition.Comparison) -> (message: String, hint: String)? {
        let isEquality = ["==", "!=", "in"].contains(comparison.operation)
        switch comparison.fact {
        case "gateway": return isEquality ? unknownGateway(comparison.value) : nil
        case "session": return impossibleSession(comparison.value, isWhole: isEquality, comparison.operation)
        case "agent": return impossibleAgent(comparison.value, isWhole: isEquality, comparison.operation)
        case "groups": return people?.problem(ofGroup: comparison.value)
        case "user": return isEquality ? people?.problem(ofUser: comparison.value) : nil
        default: return nil
        }
    }

    private func unknownGateway(_ id: String) -> (message: String, hint: String)? {
        guard let problem = ChainPlace(gateways: gateways).problem(ofGateway: id, key: "gateway"),
            let hint = problem.hint
        else { return nil }
        return (problem.message, hint)
    }

    /// The id of an agent is taken from a canonical session key, which is in small letters.
    private func impossibleAgent(
        _ id: String, isWhole: Bool, _ operation: String
    ) -> (message: String, hint: String)? {
        guard isWhole || operation == "starts-with" else { return nil }
        if id.isEmpty, isWhole { return ("no agent has an empty id", "name an agent, such as main") }
        guard id != id.lowercased() else { return nil }
        return (
            "no agent has the id \(quote(id)), as it is spelt here",
            "ids of agents are in small letters: write \(quote(id.lowercased()))"
        )
    }

    /// A canonical key is in small letters, and begins with `agent:` unless all share one session.
    private func impossibleSession(
        _ key: String, isWhole: Bool, _ operation: String
    ) -> (message: String, hint: String)? {
        let begins = ["agent:", "global", "unknown"]
        let isPossible =
            key == key.lowercased()
            && begins.contains { key.hasPrefix($0) || (!isWhole && $0.hasPrefix(key)) }
        guard isWhole || operation == "starts-with", !isPossible else { return nil }
        let full = key.lowercased()
        let example = full.hasPrefix("agent:") ? full : "agent:main:\(full)"
        return (
            "no session has the key \(quote(key)), as it is spelt here",
            "it looks like \"\(example)\"; `sluice explain --session KEY` prints how a key is spelt"
        )
    }
}

/// Who the stages of a chain can say that somebody is.
struct KnownPeople {
    /// Nobody is asked for a key.
    private let isAnonymous: Bool
    private let groups: [String]

    /// Nil when a stage that is not part of Sluice may say it.
    init?(_ entries: [StageEntry], _ catalog: StageCatalog) {
        let entries = entries.filter(\.enabled)
        guard entries.allSatisfy({ catalog[$0.use.value]?.origin == .builtIn }) else { return nil }
        let gates = entries.filter { $0.use.value == "auth" }
        isAnonymous = gates.allSatisfy { $0.with?.node["mode"]?.scalar == "none" }
        groups = gates.flatMap { gate in
            guard case .mapping(let pairs)? = gate.with?.node["groups"]?.content else { return [String]() }
            return pairs.map(\.key)
        }
    }

    func problem(ofGroup group: String) -> (message: String, hint: String)? {
        if isAnonymous {
            return ("nobody is in a group: no `auth` stage asks who somebody is", "groups need `mode: api-keys`")
        }
        guard !groups.contains(group) else { return nil }
        let hint = nearestWord(to: group, in: groups).map { "did you mean `\($0)`?" }
        return ("nobody is in the group \(quote(group))", hint ?? "name its users in the `groups` of `auth`")
    }

    func problem(ofUser user: String) -> (message: String, hint: String)? {
        guard isAnonymous, user != Principal.anonymous.user else { return nil }
        return (
            "nobody is called \(quote(user)): no `auth` stage asks who somebody is",
            "names need `mode: api-keys`; without it everybody is `\(Principal.anonymous.user)`"
        )
    }
}
