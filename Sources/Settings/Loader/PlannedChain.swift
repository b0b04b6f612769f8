package import MiddlewareKit

/// All chains of a configuration, checked; nothing of them is running yet.
package struct PlannedChains: Sendable {
    package var pipeline = PlannedChain()
    /// The other chains that are attached, by name.
    package var named: [(name: String, chain: PlannedChain)] = []
    /// Who gets one of the other chains: the first condition that holds decides.
    package var attachments: [(condition: Condition, chain: String)] = []

    /// The enabled stages of all chains; those that will share an instance, once.
    package var stages: [PlannedStage] {
        var seen: Set<String> = []
        return (pipeline.stages + named.flatMap(\.chain.stages)).filter { seen.insert($0.identity).inserted }
    }
}

/// One chain of a configuration.
package struct PlannedChain: Sendable {
    /// In order, those that are not enabled too.
    package var listed: [PlannedStage] = []
    /// The enabled ones, which messages will meet.
    package var stages: [PlannedStage] { listed.filter(\.entry.enabled) }
}
