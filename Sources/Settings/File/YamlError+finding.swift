import MiddlewareKit
import Yams

extension YamlError {
    /// Says what is wrong in words for people; the parser's own words speak of tokens and contexts.
    func report(in source: SourceText, findings: inout Findings) {
        let start = SourcePosition(file: source.file, line: 1, column: 1)
        switch self {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            if let tab = Self.tabInIndentation(ofLine: mark.line, in: source) {
                findings.error(at: tab, "a tab in the indentation", hint: "indent with spaces")
                return
            }
            if let space = Self.oddSpaceInIndentation(ofLine: mark.line, in: source) {
                findings.error(at: space, LooksOfText.oddSpace, hint: LooksOfText.oddSpaceHint)
                return
            }
            if let key = Self.longKey(inLine: context?.mark.line ?? mark.line, of: source)
                ?? Self.longKey(inLine: mark.line, of: source)
            {
                findings.error(at: key, "a key may have \(Self.keyLimit) characters at most")
                return
            }
            if let (place, key) = Self.keyWithoutSpace(nearLine: mark.line, of: source) {
                findings.error(at: place, "a space is missing after `\(key):`", hint: "write \(key): value")
                return
            }
            if let place = Self.bareColon(at: mark, problem, in: source) {
                let hint = "put quotes around it, as in [\"::1\"]"
                findings.error(
                    at: place, "inside `{ }` and `[ ]`, a value that begins with `:` needs quotes", hint: hint)
                return
            }
            if let bracket = Self.strayBracket(at: mark, in: source) {
                findings.error(
                    at: SourcePosition(file: source.file, line: mark.line, column: mark.column),
                    "a `\(bracket)` too many", hint: "delete it, or add the bracket that it closes")
                return
            }
            let isAboutBrackets = problem.hasPrefix("did not find expected ','")
            if isAboutBrackets, let place = Self.bareVariable(inLine: mark.line, of: source) {
                findings.error(at: place, "inside `{ }` and `[ ]`, `${NAME}` needs quotes", hint: "write \"${NAME}\"")
                return
            }
            if isAboutBrackets, let place = Self.bareCondition(inLine: mark.line, of: source) {
                let message = "inside `{ }`, a condition with `[`, `{` or `,` needs quotes"
                findings.error(at: place, message, hint: "write when: \"…\"")
                return
            }
            if isAboutBrackets, let place = Self.missingComma(before: mark, in: source) {
                let hint = "entries in `{ }` and `[ ]` have a `,` between them"
                findings.error(at: place, "a `,` is missing here", hint: hint)
                return
            }
            let words = Self.explain(problem)
            // What was left open is found at the end of the file, but it is to be mended where it begins.
            let mark = words.isAboutStart ? context?.mark ?? mark : mark
            let place = SourcePosition(file: source.file, line: mark.line, column: mark.column)
            findings.error(at: place, words.message, hint: words.hint)
        default:
            findings.error(at: start, "the file is not valid YAML")
        }
    }

    private struct Words {
        var message: String
        var hint: String?
        var isAboutStart = false
    }

    private static let colonHint = "check the indentation and the line above, or put quotes around text with a `:`"
    private static let bracketHint = "check that all brackets are closed and that none is too many"

    private static func explain(_ problem: String) -> Words {
        switch problem {
        case "found character that cannot start any token":
            Words(message: "a value cannot begin with this character", hint: "put quotes around the value")
        case "mapping values are not allowed in this context":
            Words(message: "a `:` where none may stand", hint: Self.colonHint)
        case "could not find expected ':'":
            Words(message: "a key without `:` behind it", hint: "write key: value", isAboutStart: true)
        case "did not find expected key", "did not find expected '-' indicator":
            Words(message: "this line does not fit the lines above it", hint: "check the indentation")
        case "block sequence entries are not allowed in this context":
            Words(message: "a `-` where no list can begin", hint: "begin the list on a line of its own")
        case "did not find expected ',' or ']'":
            Words(message: "a `[` that is not closed", hint: "add `,` or `]`", isAboutStart: true)
        case "did not find expected ',' or '}'":
            Words(message: "a `{` that is not closed", hint: "add `,` or `}`", isAboutStart: true)
        case "did not find expected node content":
            Words(message: "a value is expected here", hint: Self.bracketHint)
        case "found unexpected end of stream", "found unexpected document indicator":
            Words(message: "a quote that is not closed", hint: "add the closing quote", isAboutStart: true)
        case "found unknown escape character":
            Words(message: "an unknown escape after `\\`", hint: "write `\\\\` for a backslash, or use single quotes")
        case "did not find expected <document start>":
            Words(message: "this does not fit what stands above it", hint: "is this a YAML file?")
        case "found unknown directive name":
            Words(message: "a line cannot begin with `%`", hint: "delete the line, or put quotes around the text")
        case "found undefined alias":
            Words(message: "a value cannot begin with `*`", hint: "put quotes around the value")
        case "did not find expected alphabetic or numeric character":
            Words(
                message: "a value cannot begin with `*` or `&`", hint: "put quotes around the value", isAboutStart: true
            )
        case "but found another document":
            Words(message: "a second document begins here", hint: "the file may hold one only: delete the `---`")
        case _ where problem.hasPrefix("Maximum nesting level"):
            Words(message: NodeConversion.tooDeep)
        default:
            Words(message: "not valid YAML: \(problem)")
        }
    }

    /// The first `${` in a line that no quote stands before.
    private static func bareVariable(inLine number: Int, of source: SourceText) -> SourcePosition? {
        let line = source.line(number)
        for index in line.indices.dropLast() where line[index] == "$" && line[index + 1] == "{" {
            if index == line.startIndex || !["\"", "'", "$"].contains(line[index - 1]) {
                return SourcePosition(file: source.file, line: number, column: index - line.startIndex + 1)
            }
        }
        return nil
    }

    /// The first condition in a line that no quote stands before.
    private static func bareCondition(inLine number: Int, of source: SourceText) -> SourcePosition? {
        let line = source.line(number)
        let key = Array("when: ".unicodeScalars)
        for index in line.indices where line[index...].starts(with: key) {
            let value = line[(index + key.count)...].drop { $0 == " " }
            guard let first = value.first, first != "\"", first != "'" else { continue }
            return SourcePosition(file: source.file, line: number, column: value.startIndex - line.startIndex + 1)
        }
        return nil
    }

    /// The first space in the indentation of a line that is none to YAML.
    private static func oddSpaceInIndentation(ofLine number: Int, in source: SourceText) -> SourcePosition? {
        let line = source.line(number)
        let rest = line.drop { $0 == " " }
        guard LooksOfText.beginsWithOddSpace(rest) else { return nil }
        return SourcePosition(file: source.file, line: number, column: rest.startIndex - line.startIndex + 1)
    }

    /// YAML 1.2 section 8.2.2: a key without `?` before it.
    private static let keyLimit = 1024

    /// The first word of a line that is too long for a key, and has a `:` behind it.
    private static func longKey(inLine number: Int, of source: SourceText) -> SourcePosition? {
        let line = source.line(number)
        for word in line.split(whereSeparator: { " \t{[,".unicodeScalars.contains($0) })
        where word.count > keyLimit && word.last == ":" {
            return SourcePosition(file: source.file, line: number, column: word.startIndex - line.startIndex + 1)
        }
        return nil
    }

    /// A key whose `:` has no space behind it, in the line of an error or in the one above it, with which YAML has joined it.
    private static func keyWithoutSpace(nearLine number: Int, of source: SourceText) -> (SourcePosition, String)? {
        for number in [number, number - 1] where number > 0 {
            let line = source.line(number)
            let text = line.drop { $0 == " " || $0 == "-" }
            guard let count = LooksOfText.keyWithoutSpace(text) else { continue }
            let place = SourcePosition(
                file: source.file, line: number, column: text.startIndex - line.startIndex + count + 2)
            return (place, String(String.UnicodeScalarView(text.prefix(count))))
        }
        return nil
    }

    /// An address such as `::1` as an entry of a list in brackets.
    private static func bareColon(at mark: Mark, _ problem: String, in source: SourceText) -> SourcePosition? {
        let rest = source.line(mark.line).dropFirst(mark.column - 1)
        guard problem == "did not find expected node content", rest.starts(with: "::".unicodeScalars) else {
            return nil
        }
        return SourcePosition(file: source.file, line: mark.line, column: mark.column)
    }

    /// Where a file of JSON lacks a comma, when the parser has met the next key: it knows only where the bracket began.
    private static func missingComma(before mark: Mark, in source: SourceText) -> SourcePosition? {
        guard source.scalars.first(where: { !$0.properties.isWhitespace }) == "{",
            let index = source.index(of: SourcePosition(file: source.file, line: mark.line, column: mark.column))
        else { return nil }
        let before = source.line(mark.line).prefix(mark.column - 1).drop { $0 == " " || $0 == "\t" }
        // A number and the key in the line below it are one value to YAML, so that the parser stops at the colon behind.
        let isKey = before.first == "\"" && before.last == "\"" && before.count(where: { $0 == "\"" }) == 2
        guard before.isEmpty || isKey else {
            guard source.scalars[index] == "\"" else { return nil }
            return SourcePosition(file: source.file, line: mark.line, column: mark.column)
        }
        for number in (1..<mark.line).reversed() {
            let line = source.line(number)
            guard let last = line.lastIndex(where: { !$0.properties.isWhitespace }) else { continue }
            guard !["{", "[", ",", ":"].contains(line[last]) else { return nil }
            return SourcePosition(file: source.file, line: number, column: last - line.startIndex + 2)
        }
        return nil
    }

    /// A bracket that closes nothing.
    private static func strayBracket(at mark: Mark, in source: SourceText) -> Character? {
        let line = source.line(mark.line)
        let scalar = line.dropFirst(mark.column - 1).first
        guard let scalar, ["}", "]"].contains(scalar) else { return nil }
        let before = line.prefix(mark.column - 1)
        let open: Unicode.Scalar = scalar == "}" ? "{" : "["
        guard before.count(where: { $0 == open }) <= before.count(where: { $0 == scalar }) else { return nil }
        return Character(scalar)
    }

    /// The first tab in the indentation of a line, if there is one.
    private static func tabInIndentation(ofLine number: Int, in source: SourceText) -> SourcePosition? {
        let line = source.line(number)
        let indentation = line.prefix { $0 == " " || $0 == "\t" }
        guard let tab = indentation.firstIndex(of: "\t"), indentation.count < line.count else { return nil }
        return SourcePosition(file: source.file, line: number, column: tab - line.startIndex + 1)
    }
}
