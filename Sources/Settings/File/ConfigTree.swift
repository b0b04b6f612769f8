import Files
import MiddlewareKit

/// A configuration file with all that it includes, as one tree.
///
/// `include:` names files and folders, seen from the folder of the file that names them. Lists of two files become one
/// list, mappings one mapping. Two files that give the same single value, or the same `pipeline`, contradict each other:
/// no file is stronger than another.
struct ConfigTree {
    /// How many files a configuration may be made of.
    static let fileLimit = 100

    let environment: [String: String]
    let files: ConfigFiles
    private(set) var findings = Findings()
    private(set) var lines = SourceLines()
    private(set) var fillings = Fillings()
    /// The files that were read, as they are named: with `${NAME}`, where they were named so.
    private(set) var shownNames: [String: String] = [:]
    private var count = 0
    /// Where each file was included first.
    private var inclusions: [String: SourcePosition] = [:]

    init(environment: [String: String], files: ConfigFiles) {
        self.environment = environment
        self.files = files
    }

    /// Nil, with errors, when the main file is no YAML that can be used.
    mutating func read(text: [UInt8], file: String) -> ConfigNode? {
        shownNames[file] = file
        return read(text, file, above: [])
    }

    /// - Parameter above: The files that led to this one.
    private mutating func read(_ text: [UInt8], _ file: String, above: [String]) -> ConfigNode? {
        count += 1
        lines.add(text, file: file)
        let files = files
        let read = ConfigFile.read(text: text, file: file, environment: environment, fillings: &fillings) {
            (name) throws(UnreadableFile) in
            try files.secret(at: path(name, besides: file))
        }
        findings.add(read.findings)
        if read.node?.isNull ?? false { files.noteEmpty(file) }
        // Whatever is wrong with the option itself is found when the settings are read.
        guard let node = read.node, case .sequence(let entries)? = node["include"]?.content else { return read.node }
        return entries.reduce(node) { merge($0, with: self.node(of: $1, from: file, above: above + [file])) }
    }

    /// The tree of what one entry of `include` names.
    private mutating func node(of entry: ConfigNode, from file: String, above: [String]) -> ConfigNode? {
        guard let name = entry.scalar else { return nil }
        let target = path(name, besides: file)
        let shown = path(entry.written ?? name, besides: shownNames[file] ?? file)
        do throws(UnreadableFile) {
            guard let names = try files.names(inFolder: target, withSuffixes: [".yaml", ".yml"]) else {
                return try include(target, shown, entry, above)
            }
            let (folder, shownFolder) = (Self.folder(target), Self.folder(shown))
            var result: ConfigNode?
            for name in names {
                let node = try include(folder + name, shownFolder + name, entry, above)
                result = result.map { merge($0, with: node) } ?? node
            }
            return result
        } catch {
            findings.error(at: entry.position, error.description, hint: "paths are seen from the folder of this file")
            return nil
        }
    }

    private static func folder(_ path: String) -> String { path.hasSuffix("/") ? path : path + "/" }

    /// - Parameter shown: What the file is called.
    private mutating func include(
        _ target: String, _ shown: String, _ entry: ConfigNode, _ above: [String]
    ) throws(UnreadableFile) -> ConfigNode? {
        let file = resolved(target)
        if let first = above.firstIndex(where: { resolved($0) == file }) {
            let way = (above[first...] + [above[first]]).joined(separator: " -> ")
            findings.error(at: entry.position, "the files include each other: \(way)", hint: "leave out one `include`")
            return nil
        }
        guard count < Self.fileLimit else {
            findings.error(at: entry.position, "more than \(Self.fileLimit) files are included")
            return nil
        }
        if let first = inclusions[file] {
            let place =
                first == entry.position
                ? "this entry names it too" : "the first time \(first.words(from: entry.position))"
            findings.error(
                at: entry.position, "\(shown) is included twice; \(place)", hint: "leave out one of the two")
            return nil
        }
        let bytes = try files.bytes(of: target)
        inclusions[file] = entry.position
        shownNames[target] = shown
        guard var node = read(bytes, target, above: above) else {
            if !lines.lookLikeMapping(target) { lines.hide(target) }
            return nil
        }
        switch node.content {
        case .mapping(let pairs):
            node.content = .mapping(pairs.filter { $0.key != "include" })
            return node
        case .null:
            return nil
        default:
            // It may be the file of a secret, so nothing of it is shown.
            lines.hide(target)
            let what = node.scalar == nil ? "a list" : "a text"
            findings.error(
                at: node.position, "an included file must be a mapping such as { gateways: … }, not \(what)",
                hint: "what a file holds as a value is written \"${file:PATH}\"")
            return nil
        }
    }

    private func merge(_ base: ConfigNode, with other: ConfigNode?) -> ConfigNode {
        guard let other, case .mapping(let added) = other.content, case .mapping(var pairs) = base.content else {
            return base
        }
        for pair in added {
            guard let index = pairs.firstIndex(where: { $0.key == pair.key }) else {
                pairs.append(pair)
                continue
            }
            switch (pairs[index].value.content, pair.value.content) {
            case (.null, _): pairs[index] = pair
            case (_, .null): break
            case (.mapping(let one), .mapping(let two)): pairs[index].value.content = .mapping(one + two)
            case (.sequence(let one), .sequence(let two)) where pair.key != "pipeline":
                pairs[index].value.content = .sequence(one + two)
            // Twice; whoever reads the mapping says so.
            default: pairs.append(pair)
            }
        }
        var base = base
        base.content = .mapping(pairs)
        return base
    }
}
