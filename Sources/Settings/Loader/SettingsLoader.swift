package import Files
package import MiddlewareKit

/// For those who name it in the type of a function only: the compiler then sees no use of an import.
package typealias UnreadableFile = Files.UnreadableFile

/// What a configuration says, and all that was found in it.
package struct LoadedSettings: Sendable {
    /// Nil when there are errors.
    package let settings: Settings?
    /// Empty when there are errors.
    package let chains: PlannedChains
    /// The enabled stages of the pipeline in the order of the file.
    package var stages: [PlannedStage] { chains.pipeline.stages }
    /// Errors and warnings in the order of their positions.
    package let findings: Findings
    /// The lines of all its files.
    package let lines: SourceLines
    /// Every file and folder that it was read from, or that was looked for, as it was just before, and the files of the server's
    /// certificate.
    package let stamps: [FileStamp]
    package var paths: [String] { stamps.map(\.path) }
    /// The kinds of stage that it may name: those that were there, and those of its libraries.
    package let catalog: StageCatalog
    /// The libraries that it loads, and what tells one build of them from another.
    let libraries: [(path: String, fingerprint: String)]
    /// The files as one tree; nil when they are no YAML that can be used.
    let tree: ConfigNode?
    /// The files in which nothing stands but white space and comments.
    package let emptyFiles: [String]
    /// The folders that are included, and in which no file for it stands.
    package let emptyFolders: [String]
    /// The files of `${file:PATH}` that hold nothing.
    package let emptySecrets: [String]
    let fillings: Fillings
    /// What its files are called.
    let shownNames: [String: String]

    /// A text for people, without what the environment and other files put into the configuration.
    package func hidingValues(in text: String) -> String { fillings.hidden(in: text) }

    /// What a file is called, likewise.
    package func shownName(of path: String) -> String { shownNames[path] ?? fillings.hidden(in: path) }
}

/// From the text of a configuration to checked values. Opens nothing but its files, and starts nothing; the code of its
/// libraries is asked for their stages only.
package enum SettingsLoader {
    /// - Parameter catalog: The kinds of stage that are there without libraries.
    /// - Parameter mayBePipe: The main file may be what a shell hands over as `<(command)`, which can be read once only.
    /// - Parameter running: How a server that is to go on with the configuration is reached until it is restarted, whatever that says.
    /// - Parameter check: What else can be wrong with the values, and with the stages of all chains.
    /// - Throws: ``UnreadableFile`` when the main file cannot be read; what is wrong in the files is in the findings instead.
    package static func load(
        path: String, environment: [String: String], catalog: StageCatalog,
        libraries: any StageLibraries = NoLibraries(), mayBePipe: Bool = false, running: ServerSettings? = nil,
        check: (Settings, PlannedChains, inout Findings) -> Void = { _, _, _ in }
    ) throws(UnreadableFile) -> LoadedSettings {
        let files = ConfigFiles()
        return load(
            try files.bytes(of: path, mayBePipe: mayBePipe), path, files, environment, catalog, libraries, running,
            check)
    }

    /// - Parameter file: The name for positions; `include` and `${file:…}` are seen from its folder.
    package static func load(
        text: [UInt8], file: String, environment: [String: String], catalog: StageCatalog,
        libraries: any StageLibraries = NoLibraries(), running: ServerSettings? = nil
    ) -> LoadedSettings {
        load(text, file, ConfigFiles(), environment, catalog, libraries, running)
    }

    private static func load(
        _ text: [UInt8], _ file: String, _ files: ConfigFiles, _ environment: [String: String],
        _ catalog: StageCatalog, _ libraries: any StageLibraries, _ running: ServerSettings?,
        _ furtherCheck: (Settings, PlannedChains, inout Findings) -> Void = { _, _, _ in }
    ) -> LoadedSettings {
        var tree = ConfigTree(environment: environment, files: files)
        let node = tree.read(text: text, file: file)
        var findings = tree.findings
        var lines = tree.lines
        var section = LibrarySection(files: files, libraries: libraries, catalog: catalog)
        var result: (settings: Settings, chains: PlannedChains)?
        if let node { result = check(node, running, &section, &findings) }
        lines.secretKeys = SecretKeys(Settings.descriptions, stages: section.catalog.plugins.map { $0.optionType })
        if let result { furtherCheck(result.settings, result.chains, &findings) }
        warnOfClearSecrets(files, &findings)
        var fillings = tree.fillings
        fillings.ownWords = lines.secretKeys.ownWords.union(section.catalog.plugins.map { $0.kind })
        if let node { fillings.noteSecrets(in: node, lines.secretKeys) }
        let shownName = { tree.shownNames[$0] ?? $0 }
        findings = findings.rewritten(fillings.hidden, files: shownName)
        lines.renameFiles(shownName)
        let isGood = !findings.hasErrors
        return LoadedSettings(
            settings: isGood ? result?.settings : nil, chains: (isGood ? result?.chains : nil) ?? PlannedChains(),
            findings: findings,
            lines: lines, stamps: files.stamps + (result?.settings.server.tls.paths ?? []).map { FileStamp(of: $0) },
            catalog: section.catalog, libraries: section.fingerprints, tree: node,
            emptyFiles: files.empty, emptyFolders: files.emptyFolders, emptySecrets: files.emptySecrets,
            fillings: fillings, shownNames: tree.shownNames)
    }

    private static func check(
        _ node: ConfigNode, _ running: ServerSettings?, _ section: inout LibrarySection, _ findings: inout Findings
    ) -> (Settings, PlannedChains)? {
        guard let settings = Settings.salvage(node, findings: &findings) else { return nil }
        // A gateway without id has its finding already.
        let ids = settings.gateways.map(\.id).filter { !$0.value.isEmpty }
        findings.reportDuplicates(ids, what: "two gateways have the id", hint: "ids must be unique")
        for gateway in settings.gateways { gateway.checkTLS(findings: &findings) }
        checkTLS(of: settings.server, findings: &findings)
        section.read(settings.plugins)
        findings.add(section.findings)
        if settings.scan.enabled, settings.scan.networks.isEmpty, node["scan"]?["networks"]?.holdsNothing ?? true {
            findings.warning(
                at: node["scan"]?["enabled"]?.position ?? node.position,
                "no gateway will be found: `networks` says where to look, and names none",
                hint: "write networks: [192.168.1.0/24], with the network of this machine")
        }
        if let whole = settings.traces.endpointWithPath {
            findings.warning(
                at: node["traces"]?["endpoint"]?.position ?? node.position,
                "`endpoint` has no path, and collectors take traces at /v1/traces", hint: "write \(whole)")
        }
        var planner = ChainPlanner(node, settings, section.catalog, running: running)
        planner.plan()
        findings.add(planner.findings)
        return (settings, planner.chains)
    }

    private static func checkTLS(of server: ServerSettings, findings: inout Findings) {
        let tls = server.tls
        guard let only = tls.certificate ?? tls.key, tls.files == nil else { return }
        let missing = tls.key == nil ? "key" : "certificate"
        findings.error(
            at: only.position, "`\(missing)` is missing beside it", hint: "`tls` needs `certificate` and `key`")
    }

    /// One warning a file is enough.
    private static func warnOfClearSecrets(_ files: ConfigFiles, _ findings: inout Findings) {
        var seen: Set<String> = []
        for place in findings.clearSecrets.sorted() where seen.insert(place.file).inserted {
            guard files.isReadableByEverybody(place.file) else { continue }
            findings.warning(
                at: place, "a secret stands here in clear, and every user of this machine may read the file",
                hint: "chmod o-r \(place.file), or write \"${NAME}\" or \"${file:PATH}\" instead")
        }
    }
}

extension ConfigNode {
    fileprivate var holdsNothing: Bool {
        switch content {
        case .null: true
        case .sequence(let nodes): nodes.isEmpty
        default: false
        }
    }
}

extension MiddlewarePlugin {
    fileprivate static var optionType: OptionType { Options.optionType }
}
