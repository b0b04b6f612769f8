/// What may still become a tag: a `<` and all that follows it, up to where it shows.
struct TagCandidate {
    enum Verdict {
        /// More text must tell.
        case open
        case tag(TagKind)
        /// The bytes are plain text. The byte that told so is not one of them: it may begin a tag itself.
        case text
    }

    private enum Part {
        /// A slash and white space may still come.
        case beforeSlash
        /// White space may still come.
        case beforeName
        case name
        /// Attributes.
        case rest
    }

    private let grammar: TagGrammar
    private(set) var bytes: [UInt8] = [.tagStart]
    private var part = Part.beforeSlash
    private var isClosing = false
    /// In lower case.
    private var name: [UInt8] = []
    private var nameEnd = 0

    init(grammar: TagGrammar) {
        self.grammar = grammar
    }

    /// Takes bytes, from `index` on, as long as they belong to the tag.
    mutating func take(_ text: [UInt8], from index: inout Int) -> Verdict {
        while index < text.count {
            switch part {
            case .beforeSlash, .beforeName:
                let space = text.whiteSpaceLength(at: index)
                if space > 0 {
                    add(text[index..<index + space], advancing: &index)
                } else if case .beforeSlash = part, text[index] == .slash {
                    add(text[index...index], advancing: &index)
                    isClosing = true
                    part = .beforeName
                } else {
                    part = .name
                }
            case .name:
                if grammar.names.contains(name), grammar.endsName(text, at: index) {
                    nameEnd = bytes.count
                    part = .rest
                } else {
                    name.append(text[index].lowercased)
                    guard grammar.names.contains(where: { $0.starts(with: name) }) else { return .text }
                    add(text[index...index], advancing: &index)
                }
            case .rest:
                let end = text[index...].firstIndex { $0 == .tagStart || $0 == .tagEnd } ?? text.count
                add(text[index..<end], advancing: &index)
                if end == text.count { return .open }
                if text[end] == .tagStart { return .text }
                let kind = grammar.kind(isClosing: isClosing, rest: bytes[nameEnd...])
                add(text[end...end], advancing: &index)
                return kind.map { .tag($0) } ?? .text
            }
        }
        return .open
    }

    private mutating func add(_ slice: ArraySlice<UInt8>, advancing index: inout Int) {
        bytes.append(contentsOf: slice)
        index = slice.endIndex
    }
}
