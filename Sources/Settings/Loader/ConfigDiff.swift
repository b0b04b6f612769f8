import MiddlewareKit

/// One thing that differs between two configurations.
package struct ConfigChange: Sendable, Hashable {
    /// Where, such as `gateways.home.url`; the entries of a list go by their name, or by their number.
    package let path: String
    /// As YAML, secrets redacted; nil: it was not given.
    package let before: String?
    package let after: String?

    /// Whether a running server goes on as before until it is started again.
    package var needsRestart: Bool {
        // Another certificate is for the connections that come; only the first one makes other handlers.
        if path.hasPrefix("server.tls."), before != nil, after != nil { return false }
        let section = path.prefix { $0 != "." && $0 != "[" }
        return !["gateways", "plugins", "pipeline", "stages", "chains", "attach"].contains(section)
    }
}

/// What differs between two configurations.
package enum ConfigDiff {
    package static func changes(from old: LoadedSettings, to new: LoadedSettings) -> [ConfigChange] {
        let (before, after) = (leaves(of: old), leaves(of: new))
        let (old, new) = (byPath(before), byPath(after))
        let paths = before.map(\.path) + after.map(\.path).filter { old[$0] == nil }
        return paths.compactMap { path in
            let (one, two) = (old[path], new[path])
            guard one?.value != two?.value else { return nil }
            return ConfigChange(path: words(for: path), before: one?.shown, after: two?.shown)
        }
    }

    private struct Leaf {
        /// Keys, and the labels of entries of lists.
        let path: [String]
        /// The value itself, which must not be shown.
        let value: String
        let shown: String
    }

    private static func byPath(_ leaves: [Leaf]) -> [[String]: Leaf] {
        Dictionary(leaves.map { ($0.path, $0) }) { first, _ in first }
    }

    /// `pipeline.webhook.with.endpoints[1].url`
    private static func words(for path: [String]) -> String {
        path.dropFirst().reduce(path.first ?? "") { $0 + ($1.hasPrefix("[") ? $1 : "." + $1) }
    }

    private static func leaves(of loaded: LoadedSettings) -> [Leaf] {
        let isSecret = { (key: String, value: ConfigNode, path: [String]) in
            let names = loaded.lines.secretKeys.names(in: path.first ?? key)
            return names.isSecret(key) && !names.isNumber(value.scalar ?? "", of: key)
        }
        var leaves: [Leaf] = []
        func visit(_ node: ConfigNode, _ path: [String], isSecret isHidden: Bool) {
            switch node.content {
            case .mapping(let pairs) where !pairs.isEmpty:
                for pair in pairs where pair.key != "include" || !path.isEmpty {
                    visit(pair.value, path + [pair.key], isSecret: isHidden || isSecret(pair.key, pair.value, path))
                }
            case .sequence(let nodes) where nodes.contains(where: \.isMapping):
                let labels = nodes.entryLabels
                let hasNames = labels.contains { !$0.hasPrefix("[") }
                let count = nodes.count == 1 ? "1 entry" : "\(nodes.count) entries"
                leaves.append(Leaf(path: path, value: labels.optionText, shown: hasNames ? labels.optionText : count))
                for (label, node) in zip(labels, nodes) { visit(node, path + [label], isSecret: isHidden) }
            case .null, .mapping:
                break
            default:
                let isHidden = isHidden || SecretLooks.isSecretAddress(node.scalar ?? "")
                leaves.append(Leaf(path: path, value: node.fingerprint, shown: isHidden ? "<redacted>" : node.shown))
            }
        }
        if let tree = loaded.tree { visit(tree, [], isSecret: false) }
        // A library that was built again is a change, though the file says what it said.
        for (path, fingerprint) in loaded.libraries {
            leaves.append(Leaf(path: ["plugins", path], value: fingerprint, shown: fingerprint))
        }
        // So is a program that was written anew.
        let named = loaded.chains.named.map { (["chains", $0.name], $0.chain) }
        for (section, chain) in [(["pipeline"], loaded.chains.pipeline)] + named {
            for stage in chain.stages {
                leaves += stage.files.map { stamp in
                    let path = loaded.hidingValues(in: stamp.path)
                    return Leaf(path: section + [stage.entry.name, path], value: stamp.state, shown: stamp.words)
                }
            }
        }
        return leaves
    }
}

extension [ConfigNode] {
    /// What tells the entries of a list from each other: `name`, `name[2]` for the second of a name, `[3]` for the third
    /// entry when it has no name.
    fileprivate var entryLabels: [String] {
        var counts: [String: Int] = [:]
        return enumerated().map { index, node in
            guard let name = node.entryName else { return "[\(index + 1)]" }
            let count = counts[name, default: 0] + 1
            counts[name] = count
            return count == 1 ? name : "\(name)[\(count)]"
        }
    }
}

extension ConfigNode {
    fileprivate var isMapping: Bool {
        if case .mapping = content { true } else { false }
    }

    /// What an entry of a list is called.
    fileprivate var entryName: String? {
        guard isMapping else { return nil }
        let name = ["id", "name", "use", "chain"].lazy.compactMap { self[$0] }.first
        return name?.isFromEnvironment == false ? name?.scalar : nil
    }

    private static func shown(_ text: String, isPlain: Bool, as masked: String) -> String {
        isPlain && masked == text ? text : masked.optionText
    }

    /// A value without mappings in it as YAML on one line, without what came from the environment.
    fileprivate var shown: String {
        switch content {
        case .null: "null"
        case .mapping: "{…}"
        case .scalar where isFromEnvironment: "<from the environment>"
        case .scalar(let text, let isPlain): Self.shown(text, isPlain: isPlain, as: SecretLooks.masked(text))
        case .sequence(let nodes):
            "["
                + zip(nodes, SecretLooks.masked(nodes.map { $0.scalar ?? "" })).map { node, masked in
                    guard case .scalar(let text, let isPlain) = node.content, !node.isFromEnvironment else {
                        return node.shown
                    }
                    return Self.shown(text, isPlain: isPlain, as: masked)
                }.joined(separator: ", ") + "]"
        }
    }
}
