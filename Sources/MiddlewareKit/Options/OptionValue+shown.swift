extension OptionValue {
    /// As `optionText`, without what came from the environment or from a file: it may be secret.
    ///
    /// - Parameter node: What the value was read from; nil: it is the default.
    package func shownText(from node: ConfigNode?) -> String {
        guard let node, node.holdsEnvironment else { return optionText }
        if node.isFromEnvironment { return hidden }
        if let group = self as? any OptionGroup { return group.text(from: node) }
        return (self as? any HasParts)?.text(ofPartsFrom: node) ?? hidden
    }
}

private let hidden = "<from the environment>"

/// A value whose parts are read from the parts of a node, each by itself.
private protocol HasParts {
    /// Nil: the node has other parts.
    func text(ofPartsFrom node: ConfigNode) -> String?
}

extension Optional: HasParts where Wrapped: OptionValue {
    fileprivate func text(ofPartsFrom node: ConfigNode) -> String? { self?.shownText(from: node) }
}

extension Array: HasParts where Element: OptionValue {
    fileprivate func text(ofPartsFrom node: ConfigNode) -> String? {
        guard case .sequence(let nodes) = node.content, nodes.count == count else { return nil }
        return "[" + zip(self, nodes).map { $0.shownText(from: $1) }.joined(separator: ", ") + "]"
    }
}

extension Dictionary: HasParts where Key == String, Value: OptionValue {
    fileprivate func text(ofPartsFrom node: ConfigNode) -> String? {
        let pairs = sorted { $0.key < $1.key }.map { "\($0.key.optionText): \($0.value.shownText(from: node[$0.key]))" }
        return "{ " + pairs.joined(separator: ", ") + " }"
    }
}
