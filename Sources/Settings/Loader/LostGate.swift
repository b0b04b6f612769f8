package import MiddlewareKit

extension LoadedSettings {
    /// What speaks against going on with another configuration, since nobody would be asked for a key any more, and it does not
    /// even say so: `pipeline` stands in none of its files, so the default one would hold. A file was lost, most likely.
    ///
    /// A server that starts is another matter: nobody relies on it yet.
    package func lostGate(in new: LoadedSettings) -> Finding? {
        guard let gate = chains.gate, let tree = new.tree, tree["pipeline"]?.isNull ?? true else { return nil }
        guard (chains.pipeline.gate == nil ? new.chains.gate : new.chains.pipeline.gate) == nil else { return nil }
        let place = gate.entry.use.position
        let kind = quote(gate.plugin.kind)
        return Finding(
            severity: .error, position: (tree["pipeline"] ?? tree["include"] ?? tree).position,
            message: """
                no file says `pipeline` any more, and without it nobody is asked for a key; the \(kind) stage that asks now stood \
                in \(shownName(of: place.file)), line \(place.line)
                """,
            hint: """
                bring that back; where nobody is to be asked, write `pipeline` out, with `mode: none` in its \(kind) stage
                """)
    }
}

extension PlannedChains {
    /// A stage that finds out who is there: the one of the pipeline, which every chain has then, or one of another chain.
    fileprivate var gate: PlannedStage? { pipeline.gate ?? named.lazy.compactMap(\.chain.gate).first }
}

extension PlannedChain {
    fileprivate var gate: PlannedStage? { stages.first(where: \.isGate) }
}
