/// A part of a regular expression, over bytes of UTF-8.
indirect enum PatternNode: Sendable {
    case bytes(ByteSet)
    case sequence([PatternNode])
    case choice([PatternNode])
    case repeated(PatternNode, atLeast: Int, atMost: Int?)
    case start
    case end
}

/// Reads a regular expression.
struct PatternParser {
    private static let depthLimit = 50
    private static let repeatLimit = 200

    private let scalars: [Unicode.Scalar]
    private var place = 0
    private var depth = 0
    private var ignoresCase = false

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func whole() throws(PatternError) -> PatternNode {
        if scalars.starts(with: "(?i)".unicodeScalars) {
            ignoresCase = true
            place = 4
        }
        let node = try choice()
        guard place == scalars.count else { throw error("a `)` without `(`", hint: "write \\) for the character") }
        return node
    }

    private mutating func choice() throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else {
            throw error("the expression is nested more than \(Self.depthLimit) deep")
        }
        var branches = [try sequence()]
        while skip("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var nodes: [PatternNode] = []
        while let next, next != "|", next != ")" {
            nodes.append(try repeated(try atom()))
        }
        return .sequence(nodes)
    }

    private mutating func repeated(_ node: PatternNode) throws(PatternError) -> PatternNode {
        let start = place
        guard let next else { return node }
        var bounds: (Int, Int?)
        switch next {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{": bounds = try braces()
        default: return node
        }
        if next != "{" { place += 1 }
        if let more = self.next, ["*", "+", "?", "{"].contains(more) {
            throw error(
                "\(quote(String(more))) behind another repetition", hint: "lazy and possessive ones are not known")
        }
        if max(bounds.0, bounds.1 ?? 0) > Self.repeatLimit || bounds.0 > bounds.1 ?? .max {
            throw PatternError(offset: start, message: "a repetition must be in the range 0 to \(Self.repeatLimit)")
        }
        return .repeated(node, atLeast: bounds.0, atMost: bounds.1)
    }

    /// `{m}`, `{m,}` or `{m,n}`.
    private mutating func braces() throws(PatternError) -> (Int, Int?) {
        let start = place
        guard let close = scalars[place...].firstIndex(of: "}") else {
            throw error("a `{` that is not closed", hint: "write \\{ for the character")
        }
        let parts = scalars[(place + 1)..<close].split(separator: ",", omittingEmptySubsequences: false)
            .map { String(String.UnicodeScalarView($0)) }
        place = close + 1
        guard parts.count <= 2, let least = Int(parts[0]), parts.count == 1 || parts[1].isEmpty || Int(parts[1]) != nil
        else {
            throw PatternError(
                offset: start, message: "a repetition is written {2}, {2,} or {2,5}",
                hint: "write \\{ for the character")
        }
        return (least, parts.count == 1 ? least : Int(parts[1]))
    }

    private mutating func atom() throws(PatternError) -> PatternNode {
        let scalar = scalars[place]
        switch scalar {
        case "(":
            let start = place
            place += 1
            if skip("?") {
                guard skip(":") else { throw error("of the `(?…` only `(?:` is known, and `(?i)` at the beginning") }
            }
            let node = try choice()
            guard skip(")") else { throw PatternError(offset: start, message: "a `(` that is not closed") }
            return node
        case "[": return try characterClass()
        case ".":
            place += 1
            return CharacterSet(ranges: ["\n"..."\n"], isNegated: true).node
        case "^":
            place += 1
            return .start
        case "$":
            place += 1
            return .end
        case "\\": return try escape().node
        case "*", "+", "?", "{": throw error("nothing stands before \(quote(String(scalar))) that could be repeated")
        default:
            place += 1
            return literal(scalar).node
        }
    }

    private mutating func characterClass() throws(PatternError) -> PatternNode {
        let start = place
        place += 1
        var set = CharacterSet(isNegated: skip("^"))
        var isFirst = true
        while let scalar = next, scalar != "]" || isFirst {
            isFirst = false
            if scalar == "\\" {
                set.add(try escape())
                continue
            }
            place += 1
            if next == "-", place + 1 < scalars.count, scalars[place + 1] != "]" {
                let last = scalars[place + 1]
                guard last != "\\", scalar <= last else { throw error("the range ends before it begins") }
                place += 2
                set.add(CharacterSet(ranges: [scalar...last], ignoresCase: ignoresCase))
            } else {
                set.add(literal(scalar))
            }
        }
        guard skip("]") else { throw PatternError(offset: start, message: "a `[` that is not closed") }
        guard set.isExpressible else {
            throw PatternError(
                offset: start, message: "letters beyond ASCII can be listed, a few at a time, and not behind `[^`")
        }
        return set.node
    }

    private mutating func escape() throws(PatternError) -> CharacterSet {
        guard place + 1 < scalars.count else { throw error("a `\\` at the end", hint: "write \\\\ for the character") }
        let scalar = scalars[place + 1]
        let result: CharacterSet
        switch scalar {
        case "d", "D": result = CharacterSet(ranges: ["0"..."9"], isNegated: scalar == "D")
        case "w", "W":
            result = CharacterSet(ranges: ["0"..."9", "A"..."Z", "_"..."_", "a"..."z"], isNegated: scalar == "W")
        case "s", "S":
            result = CharacterSet(ranges: ["\t"..."\r", " "..." "], isNegated: scalar == "S")
        case "n": result = CharacterSet(ranges: ["\n"..."\n"])
        case "r": result = CharacterSet(ranges: ["\r"..."\r"])
        case "t": result = CharacterSet(ranges: ["\t"..."\t"])
        default:
            guard scalar.isASCII, !scalar.properties.isAlphabetic, scalar.properties.numericType == nil else {
                throw error("`\\\(scalar)` is not known", hint: "known are \\d \\w \\s \\D \\W \\S \\n \\r \\t")
            }
            result = CharacterSet(ranges: [scalar...scalar])
        }
        place += 2
        return result
    }

    private func literal(_ scalar: Unicode.Scalar) -> CharacterSet {
        CharacterSet(ranges: [scalar...scalar], ignoresCase: ignoresCase)
    }

    private var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

    private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        place += 1
        return true
    }

    private func error(_ message: String, hint: String? = nil) -> PatternError {
        PatternError(offset: place, message: message, hint: hint)
    }
}
