extension OptionValue {
    /// As `optionText`, without what came from the environment or from a file, and without what looks secret in lists and
    /// mappings of texts.
    ///
    /// - Parameter node: What the value was read from; nil: it is the default.
    package func shownText(from node: ConfigNode?) -> String {
        guard let node, node.holdsEnvironment else {
            return (self as? any HasParts)?.text(ofPartsFrom: nil) ?? optionText
        }
        if node.isFromEnvironment { return hidden }
        if let group = self as? any OptionGroup { return group.text(from: node) }
        return (self as? any HasParts)?.text(ofPartsFrom: node) ?? hidden
    }
}

private let hidden = "<from the environment>"

/// A value whose parts are read from the parts of a node, each by itself.
private protocol HasParts {
    /// - Parameter node: Nil: nothing in the value came from the environment.
    /// - Returns: Nil: the node has other parts.
    func text(ofPartsFrom node: ConfigNode?) -> String?
}

extension Optional: HasParts where Wrapped: OptionValue {
    fileprivate func text(ofPartsFrom node: ConfigNode?) -> String? { self?.shownText(from: node) }
}

extension Array: HasParts where Element: OptionValue {
    fileprivate func text(ofPartsFrom node: ConfigNode?) -> String? {
        var nodes = [ConfigNode?](repeating: nil, count: count)
        if let node {
            guard case .sequence(let parts) = node.content, parts.count == count else { return nil }
            nodes = parts
        }
        let values: [any OptionValue] = (self as? [String]).map { SecretLooks.masked($0) } ?? self
        return "[" + zip(values, nodes).map { $0.shownText(from: $1) }.joined(separator: ", ") + "]"
    }
}

extension Dictionary: HasParts where Key == String, Value: OptionValue {
    fileprivate func text(ofPartsFrom node: ConfigNode?) -> String? {
        guard !isEmpty else { return optionText }
        let pairs = sorted { $0.key < $1.key }.map { key, value in
            let part = node?[key]
            guard !(part?.isFromEnvironment ?? false), let text = value as? String else {
                return "\(key.optionText): \(value.shownText(from: part))"
            }
            let shown = SecretLooks.mayBeSecretKey(key) ? "<redacted>" : SecretLooks.masked(text).optionText
            return "\(key.optionText): \(shown)"
        }
        return "{ " + pairs.joined(separator: ", ") + " }"
    }
}
