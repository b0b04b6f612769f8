extension Condition {
    /// Reads a condition.
    ///
    /// ```
    /// condition  = and { "or" and }
    /// and        = not { "and" not }
    /// not        = "not" not | "(" condition ")" | comparison
    /// comparison = fact ("==" | "!=") value | fact ["not"] "in" "[" value { "," value } "]"
    ///            | fact ("matches" | "starts-with") value | value ["not"] "in" "groups"
    ///            | "text-size" ("==" | "!=" | "<" | "<=" | ">" | ">=") size
    /// ```
    ///
    /// - Parameter written: As the file writes it, when what was read came from the environment.
    init(parsing text: String, writtenAs written: String? = nil) throws(ConditionError) {
        guard text.utf8.count <= ConditionParser.lengthLimit else {
            throw ConditionError(
                offset: 0, message: "a condition may have \(ConditionParser.lengthLimit) bytes at most")
        }
        var parser = ConditionParser(tokens: try ConditionToken.all(of: text))
        self.init(test: try parser.whole(), text: text, description: written)
    }
}

/// Goes through the tokens of a condition once, from left to right.
struct ConditionParser {
    static let lengthLimit = 8192
    private static let depthLimit = 50
    private static let keywords = ["and", "or", "not", "in", "matches", "starts-with"]

    /// Those that were read so far.
    private(set) var comparisons: [Condition.Comparison] = []
    private let tokens: [ConditionToken]
    private var place = 0
    private var depth = 0

    init(tokens: [ConditionToken]) { self.tokens = tokens }

    mutating func whole() throws(ConditionError) -> Condition.Test {
        let test = try any()
        guard token.kind == .end else {
            throw error("\(token.shown) does not fit here", hint: "join comparisons with and / or")
        }
        return test
    }

    private mutating func any() throws(ConditionError) -> Condition.Test {
        var tests = [try all()]
        while skip(word: "or") { tests.append(try all()) }
        return .either(tests)
    }

    private mutating func all() throws(ConditionError) -> Condition.Test {
        var tests = [try single()]
        while skip(word: "and") { tests.append(try single()) }
        return tests.count == 1 ? tests[0] : .all(tests)
    }

    private mutating func single() throws(ConditionError) -> Condition.Test {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw error("the condition is nested more than \(Self.depthLimit) deep") }
        if skip(word: "not") { return .not(try single()) }
        guard skip(symbol: "(") else { return try comparison() }
        let test = try any()
        guard skip(symbol: ")") else { throw error("`)` is expected here, not \(token.shown)") }
        return test
    }

    private mutating func comparison() throws(ConditionError) -> Condition.Test {
        let subject = token
        let name: String
        switch subject.kind {
        case .word(let text), .text(let text): name = text
        case .symbol, .end:
            throw error("a comparison is expected here, not \(token.shown)", hint: "such as kind == chat")
        }
        place += 1
        let isNegated = token.kind == .word("not")
        if isNegated { place += 1 }
        if token.kind == .word("in"), tokens[place + 1].kind == .word("groups") {
            place += 2
            if let error = mistakenFact(subject) { throw error }
            note(ConditionFact.groups, "in", [subject])
            return isNegated ? .not(.group(name)) : .group(name)
        }
        guard case .word = subject.kind, let fact = ConditionFact(rawValue: name) else {
            if token.kind == .word("in"), case .word(let other) = tokens[place + 1].kind {
                throw ConditionError(
                    offset: tokens[place + 1].offset, message: "`groups` is expected here, not \(quote(other))",
                    hint: "such as \(ConditionFact.groups.example)")
            }
            throw unknown(subject, name)
        }
        let operation = token
        guard let word = operation.operation, !isNegated || word == "in" else {
            throw error(
                "a comparison is expected behind `\(name)`, not \(operation.shown)",
                hint: "such as \(fact.example)")
        }
        guard fact.operations.contains(word) else {
            throw error("`\(name)` cannot be compared with `\(word)`", hint: "such as \(fact.example)")
        }
        place += 1
        let values = word == "in" ? try list() : [try value()]
        note(fact, word, values)
        let test = try fact.test(word, values)
        return isNegated ? .not(test) : test
    }

    private mutating func note(_ fact: ConditionFact, _ operation: String, _ values: [ConditionToken]) {
        comparisons += values.map {
            Condition.Comparison(fact: fact.rawValue, operation: operation, value: $0.value, offset: $0.offset)
        }
    }

    /// A fact without quotes where a value belongs: it would stand for nothing but its own letters.
    private func mistakenFact(_ value: ConditionToken) -> ConditionError? {
        guard case .word(let word) = value.kind, ConditionFact(rawValue: word) != nil else { return nil }
        return ConditionError(
            offset: value.offset, message: "a value is expected here, and `\(word)` is a fact",
            hint: "put quotes around it if it is meant as a value")
    }

    private func unknown(_ subject: ConditionToken, _ name: String) -> ConditionError {
        let known = ConditionFact.allCases.map(\.rawValue)
        let hint =
            switch name {
            case "true", "always": "leave `when` out: then it is for every message"
            case "false", "never": "write `enabled: false` in place of `when`"
            default: nearestWord(to: name, in: known).map { "did you mean `\($0)`?" }
            }
        return ConditionError(
            offset: subject.offset, message: "there is no fact \(quote(name)) of a message",
            hint: hint ?? "known are \(known.joined(separator: ", "))")
    }

    private mutating func list() throws(ConditionError) -> [ConditionToken] {
        guard skip(symbol: "[") else {
            throw error("a list is expected behind `in`, not \(token.shown)", hint: "write in [a, b]")
        }
        var values = [try value()]
        while skip(symbol: ",") { values.append(try value()) }
        guard skip(symbol: "]") else { throw error("`,` or `]` is expected here, not \(token.shown)") }
        return values
    }

    private mutating func value() throws(ConditionError) -> ConditionToken {
        let value = token
        switch value.kind {
        case .word(let word) where Self.keywords.contains(word):
            throw error(
                "a value is expected here, not `\(word)`", hint: "put quotes around it if it is meant as a value")
        case .word, .text:
            if let error = mistakenFact(value) { throw error }
            place += 1
            return value
        case .symbol, .end:
            throw error("a value is expected here, not \(value.shown)")
        }
    }

    private var token: ConditionToken { tokens[place] }

    private func error(_ message: String, hint: String? = nil) -> ConditionError {
        ConditionError(offset: token.offset, message: message, hint: hint)
    }

    private mutating func skip(word: String) -> Bool { skip(.word(word)) }
    private mutating func skip(symbol: String) -> Bool { skip(.symbol(symbol)) }

    private mutating func skip(_ kind: ConditionToken.Kind) -> Bool {
        guard token.kind == kind else { return false }
        place += 1
        return true
    }
}

extension ConditionToken {
    /// The operation that the token stands for.
    fileprivate var operation: String? {
        switch kind {
        case .symbol(let text) where ["==", "!=", "<", "<=", ">", ">="].contains(text): text
        case .word(let text) where ["in", "matches", "starts-with"].contains(text): text
        default: nil
        }
    }
}
