package import MiddlewareKit

/// A value with the place where it stands, for checks that look at more than one option.
package struct Located<Value: OptionValue>: OptionValue {
    package var value: Value
    package var position: SourcePosition
    /// No finding may repeat such a value.
    package var isFromEnvironment: Bool

    /// Without position: a value that stands in no file.
    package init(
        _ value: Value,
        at position: SourcePosition = SourcePosition(file: "(default)", line: 1, column: 1),
        isFromEnvironment: Bool = false
    ) {
        self.value = value
        self.position = position
        self.isFromEnvironment = isFromEnvironment
    }

    package static var optionType: OptionType { Value.optionType }

    package static func read(_ node: ConfigNode, findings: inout Findings) -> Located? {
        Value.read(node, findings: &findings).map {
            Located($0, at: node.position, isFromEnvironment: node.isFromEnvironment)
        }
    }

    package var optionText: String { value.optionText }
}

extension Located<String> {
    /// The value as findings may show it.
    var shown: String { isFromEnvironment ? "that the environment variable holds" : quote(value) }
}

/// One value, or a list of them: `gateway: home` means `gateway: [home]`.
package struct OneOrMore<Element: OptionValue>: OptionValue {
    package var elements: [Element]

    package init(_ elements: [Element]) { self.elements = elements }

    package static var optionType: OptionType { .list(of: Element.optionType) }

    package static func read(_ node: ConfigNode, findings: inout Findings) -> OneOrMore? {
        guard case .sequence(let nodes) = node.content else {
            return Element.read(node, findings: &findings).map { OneOrMore([$0]) }
        }
        guard !nodes.isEmpty else {
            findings.error(at: node.position, "\(node.label) must not be an empty list", hint: "leave the option out")
            return nil
        }
        return [Element].read(node, findings: &findings).map(OneOrMore.init)
    }

    package var optionText: String { elements.optionText }
}
