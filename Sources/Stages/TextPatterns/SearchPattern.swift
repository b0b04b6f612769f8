package import MiddlewareKit

/// A regular expression to look for, checked when it is read.
package struct SearchPattern: OptionValue, Hashable, ExpressibleByStringLiteral {
    let text: String

    package init(stringLiteral text: String) { self.text = text }

    package static var optionType: OptionType { .string }

    package static func read(_ node: ConfigNode, findings: inout Findings) -> SearchPattern? {
        guard let text = String.read(node, findings: &findings) else { return nil }
        do throws(PatternProblem) {
            var builder = Automaton.Builder()
            try builder.add(PatternParser.parse(text, ignoresCase: true), rule: 0)
        } catch {
            findings.error(at: node.position, "\(node.label) \(error.words)")
            return nil
        }
        return SearchPattern(stringLiteral: text)
    }

    package var optionText: String { text.optionText }
}
