import MiddlewareKit

/// Writes out what `stages:` and `chains:` abbreviate: from the tree of the file to one list of stage entries a chain.
///
/// It works on the tree, before anything is read as an option: an entry that was put together from several places is read
/// and checked like one that somebody wrote, and each part of it knows its place.
struct ChainExpansion {
    /// The name under which `extends` knows the pipeline.
    static let pipelineName = "pipeline"

    let pipeline: [ConfigNode]
    private let namedStages: [String: ConfigNode]
    private let chains: [String: ConfigNode]
    private(set) var findings = Findings()
    /// The named stages that some entry uses.
    private(set) var usedStages: Set<String> = []
    /// The stages, written out, that were to be inserted at places that there are not.
    private(set) var misplaced: [ConfigNode] = []
    /// The chains that are written out, so that one that many others extend is so once; nil: its entries cannot be known.
    private var known: [String: [ConfigNode]?] = [:]

    /// - Parameter pipeline: The entries of the pipeline, which may be the default one.
    init(_ root: ConfigNode, pipeline: [ConfigNode]) {
        self.pipeline = pipeline
        namedStages = root["stages"]?.values ?? [:]
        chains = root["chains"]?.values ?? [:]
    }

    /// The entries of the pipeline, written out.
    mutating func entries() -> [ConfigNode] { pipeline.map { writtenOut($0) } }

    /// The entries of a chain, written out; nil, and an error, when they cannot be known.
    mutating func entries(of name: String) -> [ConfigNode]? {
        // From the chain down to what needs no other, and up again: a file may hold more chains above one another than calls
        // have room for.
        var (way, isOnWay): ([String], Set<String>) = ([], [])
        var base = name
        while base != Self.pipelineName, known[base] == nil, let chain = chains[base] {
            guard isOnWay.insert(base).inserted else {
                reportCycle(way + [base])
                for name in way { known[name] = .some(nil) }
                return nil
            }
            way.append(base)
            if chain["stages"]?.entries != nil { break }
            base = chain["extends"]?.scalar ?? Self.pipelineName
        }
        for name in way.reversed() { known[name] = chains[name].map { entries(of: $0) } }
        return name == Self.pipelineName ? entries() : known[name] ?? nil
    }

    /// The entries of a chain whose base is known, or known not to be.
    private mutating func entries(of chain: ConfigNode) -> [ConfigNode]? {
        if let own = chain["stages"]?.entries {
            for key in ["extends", "insert", "remove", "override"] {
                guard let change = chain[key], !change.isNull else { continue }
                findings.error(at: change.position, "a chain has `stages` or `\(key)`, not both", hint: "keep one")
            }
            return own.map { writtenOut($0) }
        }
        let base = chain["extends"]?.scalar ?? Self.pipelineName
        guard var entries = base == Self.pipelineName ? entries() : known[base] ?? nil else {
            if chains[base] == nil, let node = chain["extends"] { reportUnknown(node, among: chainNames) }
            for insertion in chain["insert"]?.entries ?? [] { misplace(insertion) }
            return nil
        }
        let inserted = insert(chain["insert"], into: &entries)
        remove(chain["remove"], from: &entries)
        refuse(inserted, withNamesOfOthersIn: &entries)
        override(chain["override"], in: &entries)
        return entries
    }

    /// - Parameter way: From the chain that was looked at first to the one that is there a second time.
    private mutating func reportCycle(_ way: [String]) {
        guard let last = way.dropLast().last, let place = chains[last]?["extends"]?.position else { return }
        let cycle = way.drop { $0 != way.last }
        let words = cycle.count > 10 ? cycle.prefix(5) + ["…"] + cycle.suffix(3) : cycle
        findings.error(at: place, "chains extend each other: \(words.joined(separator: " -> "))")
    }

    private var chainNames: [String] { [Self.pipelineName] + chains.keys.sorted() }

    // MARK: Changes

    /// - Returns: The entries that are new.
    private mutating func insert(_ node: ConfigNode?, into entries: inout [ConfigNode]) -> [ConfigNode] {
        var inserted: [ConfigNode] = []
        for insertion in node?.entries ?? [] {
            guard let new = insertion["stages"]?.entries else { continue }
            let places = ["before", "after"].compactMap { key in insertion[key].map { (key, $0) } }
            guard let (key, place) = places.first else {
                let hint = "such as { after: auth, stages: [ … ] }"
                findings.error(at: insertion.position, "an insertion needs `before` or `after`", hint: hint)
                misplace(insertion)
                continue
            }
            guard places.count == 1 else {
                let words = "an insertion has `before` or `after`, not both"
                findings.error(at: insertion.position, words, hint: "keep one")
                misplace(insertion)
                continue
            }
            guard let index = index(of: place, in: entries) else {
                misplace(insertion)
                continue
            }
            let stages = new.map { writtenOut($0) }
            entries.insert(contentsOf: stages, at: key == "before" ? index : index + 1)
            inserted += stages
        }
        return inserted
    }

    /// The chain that is changed is right as it stands, so a name that is there twice is the fault of the insertion.
    private mutating func refuse(_ inserted: [ConfigNode], withNamesOfOthersIn entries: inout [ConfigNode]) {
        let places = Set(inserted.map(\.position))
        for node in inserted {
            guard let name = node["name"] ?? node["use"], let word = name.scalar,
                let index = entries.firstIndex(where: { $0.position == node.position }),
                let other = entries.first(where: { $0.stageName == word && !places.contains($0.position) })
            else { continue }
            let located = Located(word, at: name.position, isFromEnvironment: name.isFromEnvironment)
            let place = (other["name"] ?? other["use"] ?? other).position.words(from: name.position)
            findings.error(
                at: name.position, "two stages have the name \(located.shown); the other one is \(place)",
                hint: "give this one a `name` of its own, or name the other below `remove`")
            misplaced.append(entries.remove(at: index))
        }
    }

    /// Its stages stand in no chain, and must be right all the same.
    private mutating func misplace(_ insertion: ConfigNode) {
        misplaced += (insertion["stages"]?.entries ?? []).map { writtenOut($0) }
    }

    private mutating func remove(_ node: ConfigNode?, from entries: inout [ConfigNode]) {
        for name in node?.entries ?? [] {
            if let index = index(of: name, in: entries) { entries.remove(at: index) }
        }
    }

    private mutating func override(_ node: ConfigNode?, in entries: inout [ConfigNode]) {
        guard case .mapping(let pairs)? = node?.content else { return }
        for pair in pairs {
            let name = ConfigNode(position: pair.keyPosition, content: .scalar(pair.key, isPlain: true))
            guard let index = index(of: name, in: entries), let changes = changes(pair) else { continue }
            entries[index] = overlay(entries[index], with: changes).standing(at: pair.keyPosition)
        }
    }

    /// What an override changes; nil when it says nothing, or no mapping.
    private mutating func changes(_ pair: ConfigNode.Pair) -> ConfigNode? {
        var changes = pair.value
        guard case .mapping(var options) = changes.content else {
            changes.label = "the override of \(quote(pair.key))"
            if !changes.isNull { changes.report(expected: "a mapping such as { timeout: 5s }", findings: &findings) }
            return nil
        }
        if let use = options.first(where: { $0.key == "use" }) {
            findings.error(
                at: use.keyPosition, "an override cannot change `use`",
                hint: "name the stage below `remove`, and the other one below `insert`")
            options.removeAll { $0.key == "use" }
        }
        changes.content = .mapping(options)
        return changes
    }

    private mutating func index(of name: ConfigNode, in entries: [ConfigNode]) -> Int? {
        let names = entries.map(\.stageName)
        guard let text = name.scalar else { return nil }
        if let index = names.firstIndex(of: text) { return index }
        reportUnknown(name, among: names.compactMap { $0 }, what: "stage in this chain")
        return nil
    }

    private mutating func reportUnknown(_ node: ConfigNode, among words: [String], what: String = "chain") {
        guard let word = node.scalar, !node.isFromEnvironment else {
            findings.error(at: node.position, "there is no such \(what)")
            return
        }
        let nearest = nearestWord(to: word, in: words).map { "did you mean `\($0)`?" }
        findings.error(
            at: node.position, "there is no \(what) with the name \(quote(word))",
            hint: nearest ?? (words.isEmpty ? nil : knownWords(words)))
    }

    // MARK: Named stages

    /// An entry whose `use` is the name of a stage of `stages:` becomes that stage, with the changes of the entry.
    private mutating func writtenOut(_ entry: ConfigNode) -> ConfigNode {
        guard let use = entry["use"]?.scalar, let named = namedStages[use], case .mapping(var pairs) = entry.content
        else { return entry }
        usedStages.insert(use)
        pairs.removeAll { $0.key == "use" }
        var base = named
        if case .mapping(let own) = named.content, !own.contains(where: { $0.key == "name" }) {
            // The name of the stage is the key that it stands below.
            let name = ConfigNode(
                position: entry["use"]?.position ?? entry.position, content: .scalar(use, isPlain: true))
            base.content = .mapping(own + [("name", name.position, name)])
        }
        var changes = entry
        changes.content = .mapping(pairs)
        return overlay(base, with: changes).standing(at: entry["use"]?.position ?? entry.position)
    }

    /// `base` with the options of `changes` in place of its own; of `with` only the options that are named.
    private func overlay(_ base: ConfigNode, with changes: ConfigNode) -> ConfigNode {
        // What is no mapping is found when the options are read.
        guard case .mapping(let changed) = changes.content else { return changes.isNull ? base : changes }
        guard case .mapping(var pairs) = base.content else { return base.isNull ? changes : base }
        for pair in changed {
            guard let index = pairs.firstIndex(where: { $0.key == pair.key }) else {
                pairs.append(pair)
                continue
            }
            let isOptions = pair.key == "with"
            pairs[index].value = isOptions ? overlay(pairs[index].value, with: pair.value) : pair.value
        }
        var result = base
        result.content = .mapping(pairs)
        return result
    }
}

/// The words that there are, each once, for a hint.
func knownWords(_ words: [String]) -> String {
    var seen: Set<String> = []
    return "known are " + words.filter { seen.insert($0).inserted }.joined(separator: ", ")
}

extension ConfigNode {
    /// The entries of a list.
    fileprivate var entries: [ConfigNode]? {
        if case .sequence(let nodes) = content { nodes } else { nil }
    }

    /// The values of a mapping.
    fileprivate var values: [String: ConfigNode] {
        guard case .mapping(let pairs) = content else { return [:] }
        return Dictionary(pairs.map { ($0.key, $0.value) }) { first, _ in first }
    }

    /// A stage entry that others find here: what is wrong with it at its place in the chain is wrong here, not where most of it
    /// was written.
    fileprivate func standing(at place: SourcePosition) -> ConfigNode {
        guard case .mapping(var pairs) = content, let index = pairs.firstIndex(where: { $0.key == "use" }) else {
            return self
        }
        pairs[index].value.position = place
        var entry = self
        (entry.position, entry.content) = (place, .mapping(pairs))
        return entry
    }

    /// The name of a stage entry: its own, or its kind.
    fileprivate var stageName: String? { self["name"]?.scalar ?? self["use"]?.scalar }
}
