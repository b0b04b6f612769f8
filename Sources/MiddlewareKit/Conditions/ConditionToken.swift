/// What is wrong with a condition, and where: the number of a Unicode scalar in its text.
struct ConditionError: Error, Hashable {
    let offset: Int
    let message: String
    var hint: String?
}

/// A piece of a condition.
struct ConditionToken: Hashable {
    enum Kind: Hashable {
        /// A name, a keyword or a value without quotes.
        case word(String)
        /// A value in quotes.
        case text(String)
        /// `(`, `)`, `[`, `]`, `,` or a comparison.
        case symbol(String)
        case end
    }

    let kind: Kind
    let offset: Int

    /// What a message calls the token.
    var shown: String {
        switch kind {
        case .word(let text), .symbol(let text): quote(text)
        case .text(let text): quote("\"\(text)\"")
        case .end: "the end of the condition"
        }
    }

    static func all(of text: String) throws(ConditionError) -> [ConditionToken] {
        let scalars = Array(text.unicodeScalars)
        var tokens: [ConditionToken] = []
        var index = 0
        while index < scalars.count {
            let start = index
            let scalar = scalars[index]
            if scalar.properties.isWhitespace {
                index += 1
            } else if scalar == "\"" || scalar == "'" {
                tokens.append(ConditionToken(kind: .text(try quoted(scalars, &index)), offset: start))
            } else if isPartOfWord(scalar) {
                while index < scalars.count, isPartOfWord(scalars[index]) { index += 1 }
                tokens.append(ConditionToken(kind: .word(string(scalars[start..<index])), offset: start))
            } else {
                tokens.append(ConditionToken(kind: .symbol(try symbol(scalars, &index)), offset: start))
            }
        }
        return tokens + [ConditionToken(kind: .end, offset: scalars.count)]
    }

    /// The text between quotes. A backslash stands for itself, except before the quote that would end the text.
    private static func quoted(_ scalars: [Unicode.Scalar], _ index: inout Int) throws(ConditionError) -> String {
        let start = index
        var text: [Unicode.Scalar] = []
        index += 1
        while index < scalars.count, scalars[index] != scalars[start] {
            if scalars[index] == "\\", index + 1 < scalars.count, scalars[index + 1] == scalars[start] { index += 1 }
            text.append(scalars[index])
            index += 1
        }
        guard index < scalars.count else {
            throw ConditionError(offset: start, message: "a quote that is not closed", hint: "add the closing quote")
        }
        index += 1
        return string(text[...])
    }

    private static func symbol(_ scalars: [Unicode.Scalar], _ index: inout Int) throws(ConditionError) -> String {
        let start = index
        let two = string(scalars[start...].prefix(2))
        let one = string(scalars[start...].prefix(1))
        if ["==", "!=", "<=", ">="].contains(two) {
            index += 2
            return two
        }
        if ["(", ")", "[", "]", ",", "<", ">"].contains(one) {
            index += 1
            return one
        }
        let hint: String? =
            switch (two, one) {
            case ("&&", _), (_, "&"): "write and"
            case ("||", _), (_, "|"): "write or"
            case (_, "="): "write == for “equals”"
            case (_, "!"): "write not, or != for “is not”"
            case (_, "~"): "write matches"
            default: "put quotes around text with special characters"
            }
        throw ConditionError(offset: start, message: "\(quote(one)) means nothing in a condition", hint: hint)
    }

    private static func isPartOfWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            || "-_.:/@+*%#$".unicodeScalars.contains(scalar)
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        String(String.UnicodeScalarView(scalars))
    }
}
