package import MiddlewareKit

/// Which chain a message would meet, and what each of its stages would have to do with it.
package struct ChainExplanation: Sendable {
    package struct Step: Sendable, Hashable {
        package let stage: String
        package let kind: String
        package let isIn: Bool
        /// Why it is in or out, in words.
        package let reason: String
        package let options: String
        /// `mode`, `timeout` and `on-error`, where they are not what they usually are.
        package let details: String
    }

    /// The name of the chain, and why it is this one.
    package let chain: String
    package let reason: String
    package let steps: [Step]

    /// - Parameters:
    ///   - facts: What is known of the message; what is not given counts as absent.
    ///   - kind: Nil: any kind.
    package init(
        _ chains: PlannedChains, _ facts: MessageFacts, kind: (direction: MessageFacts.Direction, word: String)?
    ) {
        let attachment = chains.attachments.first { $0.condition.matches(facts) }
        chain = attachment?.chain ?? "pipeline"
        if let attachment {
            let words = attachment.condition.description
            reason = words.isEmpty ? "`attach` gives it to everybody" : "`attach`: \(words)"
        } else {
            reason = chains.attachments.isEmpty ? "there is no other" : "no entry of `attach` fits"
        }
        let name = chain
        let stages = chains.named.first { $0.name == name }?.stages ?? chains.pipeline
        steps = stages.map { Self.step($0, facts, kind) }
    }

    private static func step(
        _ stage: PlannedStage, _ facts: MessageFacts, _ kind: (direction: MessageFacts.Direction, word: String)?
    ) -> Step {
        let (isIn, reason) = verdict(on: stage, facts, kind)
        var details: [String] = []
        if stage.entry.mode == .shadow { details.append("mode: shadow, so it has no effect") }
        if let timeout = stage.timeout { details.append("timeout: \(timeout.optionText)") }
        details.append("on-error: \(stage.onError.rawValue)")
        return Step(
            stage: stage.entry.name, kind: stage.plugin.kind, isIn: isIn, reason: reason,
            options: stage.shownOptions, details: details.joined(separator: ", "))
    }

    private static func verdict(
        on stage: PlannedStage, _ facts: MessageFacts, _ kind: (direction: MessageFacts.Direction, word: String)?
    ) -> (isIn: Bool, reason: String) {
        let condition = stage.entry.when ?? .always
        let words = condition.description
        let all = MessageFacts.Direction.allCases.flatMap { direction in
            MessageFacts.kinds(direction).map { (direction: direction, word: $0) }
        }
        let possible = (kind.map { [$0] } ?? all).filter { stage.paths?.contains($0.direction, $0.word) ?? true }
        guard !possible.isEmpty else { return (false, "it has nothing to do with \(kind?.word ?? "any message")") }
        let met = possible.filter { kind in
            var facts = facts
            (facts.direction, facts.kind) = (kind.direction, kind.word)
            return condition.matches(facts)
        }
        guard !met.isEmpty else { return (false, "`when` is false: \(words)") }
        let because = words.isEmpty ? "" : "; `when` is true: \(words)"
        if kind != nil { return (true, words.isEmpty ? "it has no `when`" : String(because.dropFirst(2))) }
        let kinds = met.count == all.count ? "everything" : met.map(\.word).joined(separator: ", ")
        return (true, "it meets \(kinds)\(because)")
    }
}

extension StagePaths {
    fileprivate func contains(_ direction: MessageFacts.Direction, _ kind: String) -> Bool {
        switch direction {
        case .inbound: MessageKind(rawValue: kind).map(inbound.contains) ?? false
        case .outbound: kind == "delta" ? replyText : EventKind(rawValue: kind).map(outbound.contains) ?? false
        }
    }
}
