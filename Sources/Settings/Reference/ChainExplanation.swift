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
        /// `mode`, `timeout`, `on-error` and `hold`, as far as they matter.
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
        let stages = chains.named.first { $0.name == name }?.chain ?? chains.pipeline
        steps = stages.listed.map { Self.step($0, facts, kind) }
    }

    private static func step(
        _ stage: PlannedStage, _ facts: MessageFacts, _ kind: Kind?
    ) -> Step {
        let (isIn, reason) = verdict(on: stage, facts, kind)
        var details: [String] = []
        if stage.entry.mode == .shadow { details.append("mode: shadow, so it has no effect") }
        if let timeout = stage.timeout { details.append("timeout: \(timeout.optionText)") }
        details.append("on-error: \(stage.onError.rawValue)")
        if stage.paths?.replyText != false { details.append("hold: \(stage.entry.hold.optionText)") }
        return Step(
            stage: stage.entry.name, kind: stage.plugin.kind, isIn: isIn, reason: reason,
            options: stage.shownOptions, details: details.joined(separator: ", "))
    }

    private typealias Kind = (direction: MessageFacts.Direction, word: String)

    private static func verdict(
        on stage: PlannedStage, _ facts: MessageFacts, _ kind: Kind?
    ) -> (isIn: Bool, reason: String) {
        guard stage.entry.enabled else { return (false, "`enabled` is false") }
        let condition = stage.entry.when ?? .always
        let words = condition.description
        let all = MessageFacts.Direction.allCases.flatMap { direction in
            MessageFacts.kinds(direction).map { (direction: direction, word: $0) }
        }
        let paths = stage.paths ?? .all
        let possible = (kind.map { [$0] } ?? all).filter { paths.calls($0) || paths.rewrites($0) }
        guard !possible.isEmpty else { return (false, "it has nothing to do with \(kind?.word ?? "any message")") }
        let met = possible.filter { meets($0, paths, condition, facts) }
        guard !met.isEmpty else { return (false, "`when` is false: \(words)") }
        let because = words.isEmpty ? "" : "; `when` is true: \(words)"
        let doubt = stage.paths == nil ? "; which kinds it has something to do with is known once it runs" : ""
        if kind != nil { return (true, (words.isEmpty ? "it has no `when`" : String(because.dropFirst(2))) + doubt) }
        let kinds = met.count == all.count ? "everything" : met.map(\.word).joined(separator: ", ")
        return (true, "it meets \(kinds)\(because)\(doubt)")
    }

    /// As the chain has it: whether a stage rewrites a reply is decided by its condition for `delta`, for the text as it is
    /// streamed and for the whole one.
    private static func meets(
        _ kind: Kind, _ paths: StagePaths, _ condition: Condition, _ facts: MessageFacts
    ) -> Bool {
        func holds(_ kind: Kind, _ text: String) -> Bool {
            var facts = facts
            (facts.direction, facts.kind, facts.text) = (kind.direction, kind.word, text)
            return condition.matches(facts)
        }
        return paths.calls(kind) && holds(kind, facts.text) || paths.rewrites(kind) && holds((.outbound, "delta"), "")
    }
}

extension StagePaths {
    /// Whether the functions of the stage are called for a kind of message.
    fileprivate func calls(_ kind: (direction: MessageFacts.Direction, word: String)) -> Bool {
        switch kind.direction {
        case .inbound: MessageKind(rawValue: kind.word).map(inbound.contains) ?? false
        case .outbound: EventKind(rawValue: kind.word).map(outbound.contains) ?? false
        }
    }

    /// Whether the text goes through the transform of the stage.
    fileprivate func rewrites(_ kind: (direction: MessageFacts.Direction, word: String)) -> Bool {
        guard replyText, kind.direction == .outbound else { return false }
        return EventKind(rawValue: kind.word)?.isTerminal ?? true
    }
}
