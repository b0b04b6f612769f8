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
