package import MiddlewareKit

/// Plans every chain of a configuration, and checks who gets which.
struct ChainPlanner {
    private let root: ConfigNode
    private let settings: Settings
    private let catalog: StageCatalog
    private let environment: StageEnvironment
    /// Where findings about the way to the server point.
    private let wayPlace: SourcePosition
    private var expansion: ChainExpansion
    private(set) var chains = PlannedChains()
    private(set) var findings = Findings()

    /// - Parameter running: How the server is reached until it is restarted; nil: as the settings say.
    init(_ root: ConfigNode, _ settings: Settings, _ catalog: StageCatalog, running: ServerSettings? = nil) {
        self.root = root
        self.settings = settings
        self.catalog = catalog
        environment = StageEnvironment(of: settings.server, running: running)
        let key = environment.exposure == .proxies ? "trusted-proxies" : "host"
        wayPlace = root["server"]?[key]?.position ?? root.position
        var pipeline = StageEntry.defaultPipelineNodes(at: wayPlace)
        if let node = root["pipeline"], !node.isNull {
            // What is no list has its finding already.
            if case .sequence(let nodes) = node.content { pipeline = nodes.labelled("pipeline") } else { pipeline = [] }
        }
        expansion = ChainExpansion(root, pipeline: pipeline)
    }

    mutating func plan() {
        checkNames()
        chains.pipeline = plan(expansion.entries(), at: wayPlace)
        attach()
        for name in settings.chains.keys.sorted() {
            guard let entries = expansion.entries(of: name) else { continue }
            let place = root["chains"]?.keyPosition(of: name) ?? root.position
            let chain = plan(entries, at: place)
            if settings.attach.contains(where: { $0.chain.value == name }) { chains.named.append((name, chain)) }
        }
        findings.add(expansion.findings)
        checkUnusedStages()
        for node in expansion.misplaced { checkAlone(node) }
        warnOfUnused()
    }

    /// A stage that no chain uses must be right too, but for its place in a chain.
    private mutating func checkUnusedStages() {
        for name in settings.stages.keys.sorted() where !expansion.usedStages.contains(name) {
            guard let node = root["stages"]?[name], let use = node["use"]?.scalar, !namesAnotherStage(use) else {
                continue
            }
            checkAlone(node)
        }
    }

    /// Tells the errors of a stage that stands in no chain; what is wrong with the entry itself was told when it was read.
    private mutating func checkAlone(_ node: ConfigNode) {
        var (read, errors) = (Findings(), Findings())
        guard let entry = StageEntry.salvage(node, findings: &read) else { return }
        var planner = stagePlanner
        planner.plan([entry])
        for finding in planner.findings.all where finding.severity == .error {
            errors.error(at: finding.position, finding.message, hint: finding.hint)
        }
        findings.add(errors)
    }

    private var stagePlanner: StagePlanner {
        StagePlanner(
            catalog: catalog.plugins, environment: environment, namedStages: Array(settings.stages.keys),
            gateways: gateways)
    }

    private var gateways: [String] { settings.gateways.map(\.id.value).filter { !$0.isEmpty } }

    /// - Parameter place: Where a finding about the chain as a whole points.
    private mutating func plan(_ nodes: [ConfigNode], at place: SourcePosition) -> PlannedChain {
        var read = Findings()
        let entries = nodes.compactMap { StageEntry.salvage($0, findings: &read) }
        findings.add(read)
        var planner = stagePlanner
        planner.plan(entries)
        findings.add(planner.findings)
        let people = KnownPeople(entries, catalog)
        for node in nodes where node["enabled"]?.scalar != "false" {
            findings.add(ConditionAdvice(gateways: gateways, people: people).findings(on: node["when"]))
        }
        let chain = PlannedChain(listed: planner.stages)
        checkAuth(of: chain, entries, at: place)
        return chain
    }

    /// Who can reach the server can read every conversation, so somebody has to ask who is there; and where the pipeline asks,
    /// no other chain may let anybody in who did not answer.
    private mutating func checkAuth(of chain: PlannedChain, _ entries: [StageEntry], at place: SourcePosition) {
        if chain.stages.contains(where: \.isGate) {
            if environment.isReachableByOthers { warnOfClearKeys(entries) }
            return
        }
        if chains.pipeline.stages.contains(where: \.isGate) {
            findings.error(
                at: place, "the pipeline asks for a key, and this chain does not: whoever gets it may do everything",
                hint: "let the chain begin with the `auth` stage of the pipeline")
            return
        }
        let asks = entries.contains { entry in
            entry.use.value == "auth" && entry.enabled && entry.mode == .enforce && entry.when == nil
        }
        guard let exposure = environment.exposure, !asks else { return }
        findings.error(
            at: wayPlace, "\(exposure.words), and no `auth` stage asks all of them who they are",
            hint: "add `- use: auth` without `when` at the top of the pipeline, or \(exposure.remedy)")
    }

    private mutating func warnOfClearKeys(_ entries: [StageEntry]) {
        let keys = entries.first { $0.use.value == "auth" && $0.with?.node["mode"]?.scalar == "api-keys" }
        guard keys != nil, settings.server.tls.files == nil, settings.server.trustedProxies.isEmpty else { return }
        findings.warning(
            at: wayPlace,
            "access keys and conversations go to this address in clear, for everybody on the way to read",
            hint: "set `server.tls`, or name the proxy that does it in `server.trusted-proxies`")
    }

    private mutating func attach() {
        var isComplete = false
        // A condition that could not be read was meant for some.
        var conditional: Set<SourcePosition> = []
        if case .sequence(let nodes)? = root["attach"]?.content {
            conditional = Set(
                nodes.filter { $0["when"].map { !$0.isNull || $0.isSpoilt } ?? false }.compactMap {
                    $0["chain"]?.position
                })
            var read = Findings()
            let people = KnownPeople(expansion.pipeline.compactMap { StageEntry.salvage($0, findings: &read) }, catalog)
            let advice = ConditionAdvice(gateways: gateways, people: people)
            for node in nodes { findings.add(advice.findings(on: node["when"])) }
        }
        for entry in settings.attach where !entry.chain.value.isEmpty {
            let (name, place) = (entry.chain.value, entry.chain.position)
            if isComplete {
                findings.warning(at: place, "this entry is never reached: the one above is for everybody")
            }
            if let when = entry.when, when.value.asksForMessage {
                findings.error(
                    at: when.position, "a chain is chosen for a whole conversation, not for a single message",
                    hint: "ask for gateway, agent, model, session, user, groups or ip")
            }
            if name != ChainExpansion.pipelineName, settings.chains[name] == nil {
                let nearest = entry.chain.isFromEnvironment ? nil : nearestWord(to: name, in: settings.chains.keys)
                findings.error(
                    at: place, "there is no chain \(entry.chain.shown)", hint: nearest.map { "did you mean `\($0)`?" })
            }
            chains.attachments.append((entry.when?.value ?? .always, name))
            isComplete = isComplete || (entry.when == nil && !conditional.contains(place))
        }
    }

    private mutating func checkNames() {
        for (section, names) in [("stages", settings.stages.keys.sorted()), ("chains", settings.chains.keys.sorted())] {
            for name in names {
                let place = root[section]?.keyPosition(of: name) ?? root.position
                if let problem = Identifier.problem(of: name) {
                    findings.error(at: place, "the name \(quote(name)) \(problem)")
                }
                if section == "stages", catalog[name] != nil {
                    findings.error(at: place, "\(quote(name)) is a kind of stage", hint: "give the stage another name")
                }
                if section == "stages", let use = settings.stages[name]?.use, namesAnotherStage(use.value) {
                    findings.error(
                        at: use.position,
                        "`use` of a stage below `stages` must be a kind, and \(quote(use.value)) is one of these stages",
                        hint: "write the kind, and all options")
                }
                if section == "chains", name == ChainExpansion.pipelineName {
                    findings.error(
                        at: place, "`pipeline` is the chain for everybody", hint: "give the chain another name")
                }
            }
        }
    }

    private func namesAnotherStage(_ word: String) -> Bool {
        settings.stages[word] != nil && catalog[word] == nil
    }

    private mutating func warnOfUnused() {
        for name in settings.stages.keys.sorted() where !expansion.usedStages.contains(name) {
            guard let place = root["stages"]?.keyPosition(of: name) else { continue }
            findings.warning(
                at: place, "no chain uses the stage \(quote(name))", hint: "write `- use: \(name)` in a chain")
        }
        // What is wrong with `attach` is told already.
        if let node = root["attach"], !node.isNull, settings.attach.isEmpty { return }
        let names = Set(settings.chains.keys).union([ChainExpansion.pipelineName])
        guard settings.attach.allSatisfy({ names.contains($0.chain.value) }) else { return }
        let extended = settings.chains.values.compactMap { $0.extends?.value }
        for name in settings.chains.keys.sorted()
        where !extended.contains(name) && !settings.attach.contains(where: { $0.chain.value == name }) {
            guard let place = root["chains"]?.keyPosition(of: name) else { continue }
            findings.warning(at: place, "nobody gets the chain \(quote(name))", hint: "name it below `attach`")
        }
    }
}

extension StageEnvironment {
    /// - Parameter running: How the server is reached until it is restarted; nil: as the settings say.
    package init(of server: ServerSettings, running: ServerSettings? = nil) {
        self.init(isReachableByOthers: server.isReachableByOthers)
        exposure =
            if server.listensBeyondLoopback {
                .address
            } else if !server.trustedProxies.isEmpty {
                .proxies
            } else if let running, running.listensBeyondLoopback {
                .addressUntilRestart(running.host)
            } else if let running, !running.trustedProxies.isEmpty {
                .proxiesUntilRestart
            } else {
                nil
            }
    }
}

extension ConfigNode {
    fileprivate func keyPosition(of key: String) -> SourcePosition? {
        guard case .mapping(let pairs) = content else { return nil }
        return pairs.first { $0.key == key }?.keyPosition
    }
}

extension [ConfigNode] {
    /// The entries of a list as findings call them.
    fileprivate func labelled(_ list: String) -> [ConfigNode] {
        enumerated().map { index, node in
            var node = node
            node.label = "entry \(index + 1) of `\(list)`"
            return node
        }
    }
}
