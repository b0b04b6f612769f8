import MiddlewareKit

/// One thing that differs between two configurations.
package struct ConfigChange: Sendable, Hashable {
    /// Where, such as `gateways.home.url`; the entries of a list go by their name.
    package let path: String
    /// As YAML, secrets redacted; nil: it was not given.
    package let before: String?
    package let after: String?

    /// Whether a running server goes on as before until it is started again.
    package var needsRestart: Bool {
        // Another certificate is for the connections that come; only the first one makes other handlers.
        if path.hasPrefix("server.tls."), before != nil, after != nil { return false }
        let section = path.prefix { $0 != "." }
        return !["gateways", "plugins", "pipeline", "stages", "chains", "attach"].contains(section)
    }
}

/// What differs between two configurations.
package enum ConfigDiff {
    package static func changes(from old: LoadedSettings, to new: LoadedSettings) -> [ConfigChange] {
        let (before, after) = (leaves(of: old), leaves(of: new))
        let paths = before.map(\.path) + after.map(\.path).filter { path in !before.contains { $0.path == path } }
        return paths.compactMap { path in
            let (one, two) = (before.first { $0.path == path }, after.first { $0.path == path })
            guard one?.value != two?.value else { return nil }
            return ConfigChange(path: path, before: one?.shown, after: two?.shown)
        }
    }

    private struct Leaf {
        let path: String
        /// The value itself, which must not be shown.
        let value: String
        let shown: String
    }

    private static func leaves(of loaded: LoadedSettings) -> [Leaf] {
        var leaves: [Leaf] = []
        func visit(_ node: ConfigNode, _ path: String, isSecret: Bool) {
            switch node.content {
            case .mapping(let pairs) where !pairs.isEmpty:
                for pair in pairs where pair.key != "include" || !path.isEmpty {
                    let isSecret = isSecret || SecretMask.isSecret(pair.key, among: loaded.lines.secretKeys)
                    visit(pair.value, path.isEmpty ? pair.key : "\(path).\(pair.key)", isSecret: isSecret)
                }
            case .sequence(let nodes) where nodes.allSatisfy({ $0.entryName != nil }) && !nodes.isEmpty:
                let names = nodes.compactMap(\.entryName)
                let order = names.optionText
                leaves.append(Leaf(path: path, value: order, shown: order))
                for (name, node) in zip(names, nodes) { visit(node, "\(path).\(name)", isSecret: isSecret) }
            case .null, .mapping:
                break
            default:
                let shown = isSecret ? "<redacted>" : node.shown
                leaves.append(Leaf(path: path, value: node.fingerprint, shown: shown))
            }
        }
        if let tree = loaded.tree { visit(tree, "", isSecret: false) }
        // A library that was built again is a change, though the file says what it said.
        for (path, fingerprint) in loaded.libraries {
            leaves.append(Leaf(path: "plugins.\(path)", value: fingerprint, shown: fingerprint))
        }
        return leaves
    }
}

extension ConfigNode {
    /// What an entry of a list is called.
    fileprivate var entryName: String? {
        guard case .mapping = content else { return nil }
        return ["id", "name", "use", "chain"].lazy.compactMap { self[$0]?.scalar }.first
    }

    /// The value as YAML on one line, without what came from the environment.
    fileprivate var shown: String {
        switch content {
        case .null: "null"
        case .scalar where isFromEnvironment: "<from the environment>"
        case .scalar(let text, let isPlain): isPlain ? text : text.optionText
        case .sequence(let nodes): "[" + nodes.map(\.shown).joined(separator: ", ") + "]"
        case .mapping(let pairs):
            "{ " + pairs.map { "\($0.key.optionText): \($0.value.shown)" }.joined(separator: ", ") + " }"
        }
    }
}
