extension Optional: OptionValue where Wrapped: OptionValue {
    public static var optionType: OptionType { Wrapped.optionType }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> Wrapped?? {
        if node.isNull { return .some(nil) }
        return Wrapped.read(node, findings: &findings).map { .some($0) }
    }

    public static func salvage(_ node: ConfigNode, findings: inout Findings) -> Wrapped?? {
        if node.isNull { return .some(nil) }
        return Wrapped.salvage(node, findings: &findings).map { .some($0) }
    }

    public var optionText: String { self?.optionText ?? "null" }
}

extension Array: OptionValue where Element: OptionValue {
    public static var optionType: OptionType { .list(of: Element.optionType) }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> [Element]? {
        let errors = findings.errorCount
        let elements = salvage(node, findings: &findings)
        return findings.errorCount == errors ? elements : nil
    }

    public static func salvage(_ node: ConfigNode, findings: inout Findings) -> [Element]? {
        guard case .sequence(let nodes) = node.content else {
            node.report(expected: "a list such as [a, b]", hint: hint(for: node), findings: &findings)
            return nil
        }
        var elements: [Element] = []
        for (index, var element) in nodes.enumerated() {
            element.label = "entry \(index + 1) of \(node.label)"
            if let value = Element.salvage(element, findings: &findings) { elements.append(value) }
        }
        return elements
    }

    /// For who wrote something that is no list.
    private static func hint(for node: ConfigNode) -> String? {
        switch node.content {
        case .mapping: return "begin each entry with `- `"
        case .scalar:
            guard case .group = Element.optionType, node.isFromEnvironment else { return "put `[` and `]` around it" }
            return "a variable holds a single value: write the list here, and variables for values in it"
        case .null, .sequence: return nil
        }
    }

    public var optionText: String { "[" + map(\.optionText).joined(separator: ", ") + "]" }
}

extension Dictionary: OptionValue where Key == String, Value: OptionValue {
    public static var optionType: OptionType { .dictionary(of: Value.optionType) }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> [String: Value]? {
        let errors = findings.errorCount
        let values = salvage(node, findings: &findings)
        return findings.errorCount == errors ? values : nil
    }

    public static func salvage(_ node: ConfigNode, findings: inout Findings) -> [String: Value]? {
        guard case .mapping(let pairs) = node.content else {
            node.report(expected: "a mapping such as { key: value }", findings: &findings)
            return nil
        }
        var values: [String: Value] = [:]
        for pair in node.uniquePairs(pairs, findings: &findings) {
            if let value = Value.salvage(pair.value, findings: &findings) { values[pair.key] = value }
        }
        return values
    }

    /// The keys in alphabetical order.
    public var optionText: String {
        let pairs = sorted { $0.key < $1.key }.map { "\($0.key.optionText): \($0.value.optionText)" }
        return pairs.isEmpty ? "{}" : "{ " + pairs.joined(separator: ", ") + " }"
    }
}
