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

    /// - Parameter pipeline: The entries of the pipeline, which may be the default one.
    init(_ root: ConfigNode, pipeline: [ConfigNode]) {
        self.pipeline = pipeline
        namedStages = root["stages"]?.values ?? [:]
        chains = root["chains"]?.values ?? [:]
    }

    /// The entries of the pipeline, written out.
    mutating func entries() -> [ConfigNode] { pipeline.map { writtenOut($0) } }

    /// The entries of a chain, written out; nil, and an error, when they cannot be known.
    ///
    /// - Parameter below: The chains that extend this one.
    mutating func entries(of name: String, below: [String] = []) -> [ConfigNode]? {
        guard name != Self.pipelineName else { return entries() }
        guard let chain = chains[name] else { return nil }
        var entries: [ConfigNode]
        if case .sequence(let own)? = chain["stages"]?.content {
            entries = own.map { writtenOut($0) }
            for key in ["extends", "insert", "remove", "override"] {
                guard let change = chain[key], !change.isNull else { continue }
                findings.error(at: change.position, "a chain has `stages` or `\(key)`, not both", hint: "keep one")
            }
            return entries
        } else {
            let extends = chain["extends"]?.scalar
            let base = extends ?? Self.pipelineName
            guard !(below + [name]).contains(base) else {
                let way = (below + [name, base]).joined(separator: " -> ")
                findings.error(at: chain["extends"]?.position ?? chain.position, "chains extend each other: \(way)")
                return nil
            }
            guard let known = self.entries(of: base, below: below + [name]) else {
                if chains[base] == nil, let node = chain["extends"] { reportUnknown(node, among: chainNames) }
                return nil
            }
            entries = known
        }
        insert(chain["insert"], into: &entries)
        remove(chain["remove"], from: &entries)
        override(chain["override"], in: &entries)
        return entries
    }

    var chainNames: [String] { [Self.pipelineName] + chains.keys.sorted() }

    // MARK: Changes

    private mutating func insert(_ node: ConfigNode?, into entries: inout [ConfigNode]) {
        guard case .sequence(let insertions)? = node?.content else { return }
        for insertion in insertions {
            guard case .sequence(let new)? = insertion["stages"]?.content else { continue }
            let places = ["before", "after"].compactMap { key in insertion[key].map { (key, $0) } }
            guard let (key, place) = places.first else {
                let hint = "such as { after: auth, stages: [ … ] }"
                findings.error(at: insertion.position, "an insertion needs `before` or `after`", hint: hint)
                continue
            }
            guard places.count == 1 else {
                let words = "an insertion has `before` or `after`, not both"
                findings.error(at: insertion.position, words, hint: "keep one")
                continue
            }
            guard let index = index(of: place, in: entries) else { continue }
            entries.insert(contentsOf: new.map { writtenOut($0) }, at: key == "before" ? index : index + 1)
        }
    }

    private mutating func remove(_ node: ConfigNode?, from entries: inout [ConfigNode]) {
        guard case .sequence(let names)? = node?.content else { return }
        for name in names {
            if let index = index(of: name, in: entries) { entries.remove(at: index) }
        }
    }

    private mutating func override(_ node: ConfigNode?, in entries: inout [ConfigNode]) {
        guard case .mapping(let pairs)? = node?.content else { return }
        for pair in pairs {
            let name = ConfigNode(position: pair.keyPosition, content: .scalar(pair.key, isPlain: true))
            guard let index = index(of: name, in: entries) else { continue }
            entries[index] = overlay(entries[index], with: pair.value).standing(at: pair.keyPosition)
        }
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
            hint: nearest ?? (words.isEmpty ? nil : "known are \(words.joined(separator: ", "))"))
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
        guard case .mapping(var pairs) = base.content, case .mapping(let changed) = changes.content else { return base }
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

extension ConfigNode {
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
