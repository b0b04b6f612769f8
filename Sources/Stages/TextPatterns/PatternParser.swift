/// Reads regular expressions: characters, `.`, `[a-z]`, `[^a-z]`, `\d \w \s \b` and their opposites, `\t \n \r`, `\x{1F600}`,
/// groups, `|`, `* + ? {2,5}`, `^` and `$` for the ends of a line.
///
/// What cannot be found in linear time, or means nothing where no groups are captured, is refused: look-around, back
/// references, lazy and possessive repetition.
struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private let ignoresCase: Bool
    private var place = 0
    private var depth = 0

    /// The most often that `{n}` may repeat something.
    static let maxRepeat = 1000
    private static let maxDepth = 50

    static func parse(_ text: String, ignoresCase: Bool) throws(PatternProblem) -> PatternSyntax {
        var parser = PatternParser(scalars: Array(text.unicodeScalars), ignoresCase: ignoresCase)
        let syntax = try parser.choices()
        if parser.peek != nil { throw parser.problem("has a `)` without `(`") }
        if syntax.matchesNothing { throw PatternProblem(words: "matches the empty text") }
        return syntax
    }

    private init(scalars: [Unicode.Scalar], ignoresCase: Bool) {
        self.scalars = scalars
        self.ignoresCase = ignoresCase
    }

    private var peek: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        place += 1
        return true
    }

    private func problem(_ words: String) -> PatternProblem {
        PatternProblem(words: "\(words), at character \(min(place, scalars.count - 1) + 1)")
    }

    private mutating func choices() throws(PatternProblem) -> PatternSyntax {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maxDepth else { throw problem("nests groups too deeply") }
        var choices = [try sequence()]
        while take("|") { choices.append(try sequence()) }
        return choices.count == 1 ? choices[0] : .anyOf(choices)
    }

    private mutating func sequence() throws(PatternProblem) -> PatternSyntax {
        var parts: [PatternSyntax] = []
        while let scalar = peek, scalar != "|", scalar != ")" { parts.append(try repeated(try atom())) }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func repeated(_ atom: PatternSyntax) throws(PatternProblem) -> PatternSyntax {
        let (min, max): (Int, Int?)
        switch peek {
        case "*": (min, max) = (0, nil)
        case "+": (min, max) = (1, nil)
        case "?": (min, max) = (0, 1)
        case "{":
            (min, max) = try bounds()
            place -= 1
        default: return atom
        }
        place += 1
        if let next = peek, ["*", "+", "?", "{"].contains(next) {
            throw problem("repeats a repetition; there is no lazy or possessive one, put the first into ( )")
        }
        return .repeated(atom, min: min, max: max)
    }

    /// `{2}`, `{2,}`, `{2,5}`.
    private mutating func bounds() throws(PatternProblem) -> (Int, Int?) {
        place += 1
        let min = try number()
        let max = take(",") ? (peek == "}" ? nil : try number()) : min
        guard take("}") else {
            throw problem("has a `{` that is no repetition such as {2,5}; write \\{ for the character")
        }
        guard max.map({ min <= $0 }) ?? true else {
            throw problem("has a repetition whose bounds are the wrong way round")
        }
        return (min, max)
    }

    private mutating func number() throws(PatternProblem) -> Int {
        var value: Int?
        while let digit = peek, ("0"..."9").contains(digit) {
            value = (value ?? 0) * 10 + Int(digit.value - 0x30)
            if value! > Self.maxRepeat { throw problem("repeats something more than \(Self.maxRepeat) times") }
            place += 1
        }
        guard let value else {
            throw problem("has a `{` that is no repetition such as {2,5}; write \\{ for the character")
        }
        return value
    }

    private mutating func atom() throws(PatternProblem) -> PatternSyntax {
        guard let scalar = peek else { throw problem("ends too early") }
        switch scalar {
        case "*", "+", "?", "{": throw problem("has a `\(scalar)` with nothing before it to repeat")
        case "(": return try group()
        case "[": return .scalar(try brackets())
        default: break
        }
        place += 1
        switch scalar {
        case ".":
            return .scalar(
                set {
                    $0.ranges = [0x0A...0x0A]
                    $0.isNegated = true
                })
        case "^": return .boundary(.lineStart)
        case "$": return .boundary(.lineEnd)
        case "\\":
            if take("b") { return .boundary(.wordEdge) }
            if take("B") { return .boundary(.noWordEdge) }
            let parts = try escape()
            return .scalar(set { $0 = parts })
        default: return .scalar(set { $0.ranges = [scalar.value...scalar.value] })
        }
    }

    private mutating func group() throws(PatternProblem) -> PatternSyntax {
        place += 1
        if take("?") {
            guard take(":") else {
                throw problem("has a `(?`; only plain groups are known, no look-around and no flags")
            }
        }
        let inner = try choices()
        guard take(")") else { throw problem("has a `(` without `)`") }
        return inner
    }

    private func set(_ fill: (inout ScalarSet.Parts) -> Void) -> ScalarSet {
        var parts = ScalarSet.Parts()
        fill(&parts)
        return ScalarSet(parts, ignoresCase: ignoresCase)
    }

    /// What stands after a backslash: a named set, or a scalar.
    private mutating func escape() throws(PatternProblem) -> ScalarSet.Parts {
        guard let scalar = peek else { throw problem("ends with a backslash") }
        var parts = ScalarSet.Parts()
        switch scalar {
        case "d": parts.named = [(.digit, false)]
        case "D": parts.named = [(.digit, true)]
        case "w": parts.named = [(.word, false)]
        case "W": parts.named = [(.word, true)]
        case "s": parts.named = [(.space, false)]
        case "S": parts.named = [(.space, true)]
        case "t": parts.ranges = [0x09...0x09]
        case "n": parts.ranges = [0x0A...0x0A]
        case "r": parts.ranges = [0x0D...0x0D]
        case "x":
            let value = try hexadecimal()
            parts.ranges = [value...value]
            return parts
        case _ where scalar.isPartOfWord && scalar != "_":
            throw problem("has `\\\(scalar)`, which means nothing here")
        default: parts.ranges = [scalar.value...scalar.value]
        }
        place += 1
        return parts
    }

    /// `x41` or `x{1F600}`.
    private mutating func hexadecimal() throws(PatternProblem) -> UInt32 {
        place += 1
        let isBraced = take("{")
        var digits = ""
        while let digit = peek, digit.properties.isASCIIHexDigit, digits.count < (isBraced ? 6 : 2) {
            digits.unicodeScalars.append(digit)
            place += 1
        }
        guard digits.count >= (isBraced ? 1 : 2), !isBraced || take("}"), let value = UInt32(digits, radix: 16),
            Unicode.Scalar(value) != nil
        else { throw problem("has a `\\x` that is no character such as \\x41 or \\x{1F600}") }
        return value
    }

    private mutating func brackets() throws(PatternProblem) -> ScalarSet {
        place += 1
        var parts = ScalarSet.Parts()
        parts.isNegated = take("^")
        while let scalar = peek, scalar != "]" {
            let first = try bracketItem()
            guard peek == "-", place + 1 < scalars.count, scalars[place + 1] != "]" else {
                parts.ranges += first.ranges
                parts.named += first.named
                continue
            }
            place += 1
            let last = try bracketItem()
            guard let low = first.ranges.first?.lowerBound, let high = last.ranges.first?.lowerBound, low <= high else {
                throw problem("has a range in [ ] that is none")
            }
            parts.ranges.append(low...high)
        }
        guard take("]") else { throw problem("has a `[` without `]`") }
        guard !parts.ranges.isEmpty || !parts.named.isEmpty else { throw problem("has empty [ ]") }
        return set { $0 = parts }
    }

    private mutating func bracketItem() throws(PatternProblem) -> ScalarSet.Parts {
        guard let scalar = peek else { throw problem("has a `[` without `]`") }
        place += 1
        if scalar == "\\" { return try escape() }
        var parts = ScalarSet.Parts()
        parts.ranges = [scalar.value...scalar.value]
        return parts
    }
}
