package import MiddlewareKit

/// All chains of a configuration, checked; nothing of them is running yet.
package struct PlannedChains: Sendable {
    /// The enabled stages of the pipeline, in order.
    package var pipeline: [PlannedStage] = []
    /// The enabled stages of the other chains that are attached, by name.
    package var named: [(name: String, stages: [PlannedStage])] = []
    /// Who gets one of the other chains: the first condition that holds decides.
    package var attachments: [(condition: Condition, chain: String)] = []

    /// The stages of all chains; those that will share an instance, once.
    package var stages: [PlannedStage] {
        var seen: Set<String> = []
        return (pipeline + named.flatMap(\.stages)).filter { seen.insert($0.identity).inserted }
    }
}
