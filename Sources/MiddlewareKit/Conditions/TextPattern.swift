/// A regular expression that is found, or not, in one pass over the text: it is compiled to a table of states when it is
/// read, so there is no text and no expression for which it runs long. An expression whose table would be too large is
/// refused.
///
/// It knows `.`, `[a-z]`, `[^a-z]`, `\d \w \s \D \W \S`, `( )`, `|`, `* + ?`, `{m,n}`, `^` and `$` for the ends of the text, and
/// `(?i)` at the beginning for any case. There are no back references and no look-around.
public struct TextPattern: OptionValue, Hashable {
    private let source: String
    private let automaton: PatternAutomaton

    init(_ source: String) throws(PatternError) {
        self.source = source
        var parser = PatternParser(source)
        automaton = try PatternAutomaton(try parser.whole())
    }

    /// Whether the expression is found anywhere in the text.
    public func isFound(in text: String) -> Bool {
        var text = text
        return text.withUTF8 { automaton.accepts($0) }
    }

    public static func == (a: Self, b: Self) -> Bool { a.source == b.source }
    public func hash(into hasher: inout Hasher) { hasher.combine(source) }

    public static var optionType: OptionType { .string }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> TextPattern? {
        guard let text = String.read(node, findings: &findings) else { return nil }
        do throws(PatternError) {
            return try TextPattern(text)
        } catch {
            let message = node.isFromEnvironment ? "\(node.origin) no expression" : error.message
            findings.error(at: node.position(ofScalar: error.offset), message, hint: error.hint)
            return nil
        }
    }

    public var optionText: String { source.optionText }
}

/// What is wrong with a regular expression, and where: the number of a Unicode scalar in it.
struct PatternError: Error, Hashable {
    let offset: Int
    let message: String
    var hint: String?
}
