package import MiddlewareKit

/// The chains of one configuration, and who gets which. Immutable; safe to use from anywhere.
package final class ChainSet: Sendable {
    /// The name of the pipeline.
    package static let standardName = "pipeline"

    /// The pipeline: for everybody to whom no other chain is attached.
    package let standard: Chain
    /// Every chain with its name, the pipeline first.
    package let all: [(name: String, chain: Chain)]
    /// The first condition that holds decides.
    package let attachments: [(condition: Condition, name: String, chain: Chain)]

    /// - Parameter attachments: Entries whose chain is not in `named` mean the pipeline.
    package init(
        standard: Chain, named: [(name: String, chain: Chain)] = [],
        attachments: [(condition: Condition, chain: String)] = []
    ) {
        self.standard = standard
        all = [(Self.standardName, standard)] + named
        self.attachments = attachments.map { attachment in
            let chain = named.first { $0.name == attachment.chain }
            return (attachment.condition, chain?.name ?? Self.standardName, chain?.chain ?? standard)
        }
    }

    package var generation: Int { standard.generation }

    /// Whether it matters who is asking.
    package var hasChoice: Bool { !attachments.isEmpty }

    /// - Parameter facts: Of any message of the conversation; its direction, kind and text make no difference.
    package func chain(for facts: @autoclosure () -> MessageFacts) -> Chain {
        guard hasChoice else { return standard }
        let facts = facts()
        return attachments.first { $0.condition.matches(facts) }?.chain ?? standard
    }

    /// The stages of all chains that want to know of more than the messages that reach them, each once.
    package var observers: [any ServerObserver] {
        var seen: Set<ObjectIdentifier> = []
        return all.flatMap(\.chain.stages)
            .filter { $0.mode == .enforce && seen.insert(ObjectIdentifier($0.instance)).inserted }
            .compactMap { $0.middleware as? any ServerObserver }
    }

    package func hasStage(ofKind kind: String) -> Bool {
        all.contains { $0.chain.stages.contains { $0.kind == kind } }
    }

    /// Whether there is such a stage, and it is no shadow.
    package func hasActingStage(ofKind kind: String) -> Bool {
        all.contains { $0.chain.stages.contains { $0.kind == kind && $0.mode == .enforce } }
    }
}
