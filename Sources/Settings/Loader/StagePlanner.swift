package import MiddlewareKit

/// Finds the plugin of each stage entry, reads and checks its options, and checks the pipeline as a whole.
struct StagePlanner {
    let catalog: [any MiddlewarePlugin.Type]
    let environment: StageEnvironment
    /// The words that `use` knows beside the kinds.
    let namedStages: [String]
    /// The ids of the gateways that the file names.
    let gateways: [String]
    /// Those that are not enabled too.
    private(set) var stages: [PlannedStage] = []
    private(set) var findings = Findings()

    init(
        catalog: [any MiddlewarePlugin.Type], environment: StageEnvironment, namedStages: [String], gateways: [String]
    ) {
        self.catalog = catalog
        self.environment = environment
        self.namedStages = namedStages
        self.gateways = gateways
    }

    /// The options of an entry that is not enabled must be right too.
    mutating func plan(_ pipeline: [StageEntry]) {
        // An entry without kind has its finding already.
        let entries = pipeline.filter { !$0.use.value.isEmpty }
        checkNames(entries)
        let kinds = entries.filter(\.acts).map(\.use.value)
        var above = 0
        var rewriters: [String] = []
        for entry in entries {
            defer { above += entry.acts ? 1 : 0 }
            guard let plugin = catalog.first(where: { $0.kind == entry.use.value }) else {
                // A named stage that names another one has its finding already.
                if !namedStages.contains(entry.use.value) { reportUnknown(entry) }
                continue
            }
            let place = ChainPlace(
                above: Array(kinds[..<above]), below: Array(kinds[(above + (entry.acts ? 1 : 0))...]),
                isShadow: entry.mode == .shadow, rewritersAbove: rewriters, when: entry.when ?? .always,
                gateways: gateways)
            let stage = plan(plugin, entry, at: place)
            if let stage, entry.enabled, stage.paths?.replyText == true { rewriters.append(entry.use.value) }
        }
    }

    /// - Returns: The stage; nil when something is wrong with it.
    private mutating func plan<Plugin: MiddlewarePlugin>(
        _ plugin: Plugin.Type, _ entry: StageEntry, at chainPlace: ChainPlace
    ) -> PlannedStage? {
        let place = entry.use.position
        if let onError = entry.onError, onError.value == .open, !plugin.mayFailOpen {
            let message = "`on-error` must be closed: a stage of kind `\(plugin.kind)` guards something"
            findings.error(at: onError.position, message, hint: "leave it out")
        }
        var node = entry.with?.node ?? ConfigNode(position: place, content: .null)
        if entry.with == nil { node.missingKeysStandBelow = "with" }
        guard let options = Plugin.Options.read(node, findings: &findings) else { return nil }
        let stage = PlannedStage(plugin, entry: entry, options: options)
        if stage.isGate { checkGate(entry) }
        guard entry.enabled else {
            stages.append(stage)
            return stage
        }
        // What could not be read counts as not given, which may be against the rules.
        let problems = node.holdsSpoilt ? [] : plugin.validate(options, in: environment)
        for problem in problems {
            findings.error(at: problem.position(in: node), problem.words, hint: problem.hint)
        }
        warnIfIdle(stage)
        for advice in plugin.advise(options, at: chainPlace) {
            let position = advice.key == nil ? place : advice.position(in: node)
            findings.warning(at: position, advice.words, hint: advice.hint)
        }
        guard problems.isEmpty else { return nil }
        stages.append(stage)
        return stage
    }

    /// Its condition may leave no kind of message that the stage has something to do with.
    private mutating func warnIfIdle(_ stage: PlannedStage) {
        guard let paths = stage.paths, let condition = stage.entry.when else { return }
        let kinds: [(MessageFacts.Direction, [String])] = [
            (.inbound, paths.inbound.map(\.rawValue)),
            (.outbound, paths.outbound.map(\.rawValue) + (paths.replyText ? ["delta"] : [])),
        ]
        let acts = kinds.contains { direction, words in
            words.contains { condition.narrowed(to: direction, $0).constant != false }
        }
        guard !acts else { return }
        let known = kinds.flatMap(\.1).sorted().joined(separator: ", ")
        findings.warning(
            at: stage.entry.use.position,
            "\(quote(stage.entry.use.value)) never acts: its `when` leaves out every kind of message that it has something to do with",
            hint: known.isEmpty ? nil : "it has something to do with \(known)")
    }

    /// Whoever goes by the gate counts as nobody in particular, and may do everything.
    private mutating func checkGate(_ entry: StageEntry) {
        let (place, kind) = (entry.use.position, quote(entry.use.value))
        let hint = "leave it out; where nobody is to be asked, write `mode: none`"
        if entry.when != nil {
            findings.error(at: place, "\(kind) asks everybody who they are, so it can have no `when`", hint: hint)
        }
        if entry.mode == .shadow {
            findings.error(
                at: place, "\(kind) asks everybody who they are, so it can have no `mode: shadow`", hint: hint)
        }
        if !entry.enabled {
            findings.warning(
                at: place, "\(kind) is not enabled, so nobody is asked for a key, and everybody may do everything",
                hint: "leave out `enabled`, or write `mode: none`")
        }
    }

    private mutating func reportUnknown(_ entry: StageEntry) {
        let kinds = catalog.map { $0.kind } + namedStages.sorted()
        let nearest = entry.use.isFromEnvironment ? nil : nearestWord(to: entry.use.value, in: kinds)
        let hint = nearest.map { "did you mean `\($0)`?" } ?? knownWords(kinds)
        findings.error(at: entry.use.position, "there is no stage of the kind \(entry.use.shown)", hint: hint)
    }

    private mutating func checkNames(_ entries: [StageEntry]) {
        let names = entries.map(\.locatedName)
        findings.reportDuplicates(names, what: "two stages have the name", hint: "give one of them a `name` of its own")
    }
}

extension StageEntry {
    /// It has an effect.
    fileprivate var acts: Bool { enabled && mode == .enforce }
}

extension OptionProblem {
    fileprivate func position(in node: ConfigNode) -> SourcePosition { key.map(node.position(of:)) ?? node.position }

    fileprivate var words: String { key.map { "\(quote($0)): \(message)" } ?? message }
}

extension ConfigNode {
    /// The place of a part of the value, such as `endpoints[2].url`; of what it would stand in when it is not there.
    package func position(of path: String) -> SourcePosition {
        if let part = self[path] { return part.position }
        var node = self
        for step in path.split(whereSeparator: { $0 == "." || $0 == "[" }) {
            guard let number = step.last == "]" ? Int(step.dropLast()) : nil else {
                guard let part = node[String(step)] else { break }
                node = part
                continue
            }
            guard case .sequence(let entries) = node.content, entries.indices.contains(number - 1) else { break }
            node = entries[number - 1]
        }
        return node.position
    }
}
