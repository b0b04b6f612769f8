/// The two families of tags (OpenClaw protocol, thinking tags, rules 2 and 4).
enum TagGrammar {
    /// Around what a model thought.
    case reasoning
    /// Around its answer.
    case final

    private static let reasoningNames: [[UInt8]] = [
        "think", "thinking", "thought",
        "antml:think", "antml:thinking", "antml:thought",
        "mm:think", "mm:thinking", "mm:thought",
        "antthinking",
    ].map { Array($0.utf8) }
    private static let finalNames = [Array("final".utf8)]

    /// In lower case.
    var names: [[UInt8]] {
        switch self {
        case .reasoning: Self.reasoningNames
        case .final: Self.finalNames
        }
    }

    /// Whether a name may end before the byte at `index`.
    func endsName(_ bytes: [UInt8], at index: Int) -> Bool {
        let byte = bytes[index]
        switch self {
        case .reasoning: return !byte.isWordByte
        case .final:
            return byte == .slash || byte == .tagEnd || bytes.whiteSpaceLength(at: index) > 0
        }
    }

    /// What a tag does; nil if it is none.
    ///
    /// - Parameter rest: What stands between the name and the `>`.
    func kind(isClosing: Bool, rest: ArraySlice<UInt8>) -> TagKind? {
        let trimmed = rest.dropLast(rest.trailingWhiteSpace)
        if isClosing {
            return self == .reasoning || trimmed.isEmpty ? .closing : nil
        }
        let isSelfClosing = trimmed.last == .slash
        if self == .final, !areWellFormedAttributes(isSelfClosing ? trimmed.dropLast() : trimmed) { return nil }
        return isSelfClosing ? .selfClosing : .opening
    }
}

/// Whether the text is a list of names, each alone or with `=` and a value, in quotes or without.
private func areWellFormedAttributes(_ text: ArraySlice<UInt8>) -> Bool {
    var rest = text
    func skipWhiteSpace() { rest = rest.dropFirst(rest.leadingWhiteSpace) }
    /// Takes bytes up to white space or a stop; nil if there are none, or one that may not stand there.
    func takeWord(until stop: UInt8?, without forbidden: [UInt8]) -> ArraySlice<UInt8>? {
        var end = rest.startIndex
        while end < rest.endIndex, rest[end] != stop, rest.whiteSpaceLength(at: end) == 0 {
            if forbidden.contains(rest[end]) { return nil }
            end += 1
        }
        defer { rest = rest[end...] }
        return end == rest.startIndex ? nil : rest[..<end]
    }

    skipWhiteSpace()
    while !rest.isEmpty {
        guard takeWord(until: .equals, without: [.slash, .quote, .apostrophe]) != nil else { return false }
        skipWhiteSpace()
        guard rest.first == .equals else { continue }
        rest = rest.dropFirst()
        skipWhiteSpace()
        if let quote = rest.first, quote == .quote || quote == .apostrophe {
            guard let end = rest.dropFirst().firstIndex(of: quote) else { return false }
            rest = rest[(end + 1)...]
        } else if takeWord(until: nil, without: [.quote, .apostrophe]) == nil {
            return false
        }
        skipWhiteSpace()
    }
    return true
}

extension UInt8 {
    static let tagStart = UInt8(ascii: "<")
    static let tagEnd = UInt8(ascii: ">")
    static let slash = UInt8(ascii: "/")
    fileprivate static let equals = UInt8(ascii: "=")
    fileprivate static let quote = UInt8(ascii: "\"")
    fileprivate static let apostrophe = UInt8(ascii: "'")

    /// A letter of ASCII in lower case; any other byte as it is.
    var lowercased: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }

    /// ASCII letters, digits and the underscore.
    fileprivate var isWordByte: Bool {
        (0x61...0x7A).contains(lowercased) || (0x30...0x39).contains(self) || self == 0x5F
    }
}
