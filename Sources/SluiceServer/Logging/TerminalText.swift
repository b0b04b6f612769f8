/// Text of others as it may be shown on a terminal: what would draw there, or move what stands around it, is shown as JSON has it
/// (`\u001b`), so that JSON stays what it is.
package enum TerminalText {
    /// A text of its own: it keeps its line ends and tabs.
    package static func lines(_ text: String) -> String { escaped(text) { $0 == "\n" || $0 == "\t" } }

    /// A part of a line, such as a name: it cannot fake a second one.
    package static func line(_ text: String) -> String { escaped(text) { _ in false } }

    private static func escaped(_ text: String, except isHarmless: (Unicode.Scalar) -> Bool) -> String {
        func mustBeEscaped(_ scalar: Unicode.Scalar) -> Bool { scalar.drawsOrMoves && !isHarmless(scalar) }
        guard text.unicodeScalars.contains(where: mustBeEscaped) else { return text }
        return text.unicodeScalars.map { mustBeEscaped($0) ? escape($0) : String($0) }.joined()
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": return #"\n"#
        case "\r": return #"\r"#
        case "\t": return #"\t"#
        default:
            let digits = String(scalar.value, radix: 16)
            return #"\u"# + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        }
    }
}

extension Unicode.Scalar {
    /// All of these have four digits at most, as JSON wants them.
    fileprivate var drawsOrMoves: Bool {
        if (0x20..<0x7F).contains(value) { return false }
        return properties.isBidiControl
            || [.control, .lineSeparator, .paragraphSeparator].contains(properties.generalCategory)
    }
}
