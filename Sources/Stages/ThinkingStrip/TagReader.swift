/// Finds the tags of one family in a text as it streams in.
///
/// It keeps back what may still become a tag, and all text from the first tag on of which is not known yet whether it
/// stands in code. Each byte is moved a fixed number of times, however the text is cut.
struct TagReader {
    private let grammar: TagGrammar
    private var code = CodeScanner()
    private var candidate: TagCandidate?
    /// The text from the first undecided tag on. All its tags are undecided.
    private var undecided = TaggedText()
    private var undecidedStart = 0
    /// Whether there was any tag, in code or not.
    private(set) var hasMetTag = false

    init(_ grammar: TagGrammar) {
        self.grammar = grammar
    }

    /// Takes the text that follows, in whole characters, and returns what is decided.
    mutating func read(_ text: [UInt8]) -> TaggedText {
        var decided = TaggedText()
        var index = 0
        while index < text.count {
            if var candidate {
                // One owner of the bytes at a time: they would be copied for every piece otherwise.
                self.candidate = nil
                switch candidate.take(text, from: &index) {
                case .open: self.candidate = candidate
                case .text: place(candidate.bytes, tag: nil, into: &decided)
                case .tag(let kind): place(candidate.bytes, tag: kind, into: &decided)
                }
            } else if text[index] == .tagStart {
                candidate = TagCandidate(grammar: grammar)
                index += 1
            } else {
                let end = text[index...].firstIndex(of: .tagStart) ?? text.count
                place(text[index..<end], tag: nil, into: &decided)
                index = end
            }
        }
        return decided
    }

    /// In bytes.
    var keptBack: Int { (candidate?.bytes.count ?? 0) + undecided.bytes.count }

    /// Whether `skip` may be called: nothing is kept back.
    var canSkip: Bool { candidate == nil && undecided.tags.isEmpty && code.canSkip }

    /// Takes text unread that holds no `<`, backtick or tilde and ends with no newline. All of it is decided.
    mutating func skip(_ count: Int) {
        code.skip(count)
    }

    /// The text has ended: returns all that was kept back.
    mutating func finish() -> TaggedText {
        var decided = TaggedText()
        if let candidate { place(candidate.bytes, tag: nil, into: &decided) }
        let regions = code.finish().map { $0.lowerBound - undecidedStart..<$0.upperBound - undecidedStart }
        undecided.removeTags(in: regions)
        decided.append(undecided)
        return decided
    }

    /// Adds what was read to the text that is decided, or to the text that is not. With a kind, it is a tag.
    private mutating func place(_ bytes: some Collection<UInt8>, tag kind: TagKind?, into decided: inout TaggedText) {
        var kind = kind
        if kind != nil {
            hasMetTag = true
            settle(code.endRun(), into: &decided)
            if code.place == .inside { kind = nil }
        }
        if undecided.tags.isEmpty, kind == nil || code.place == .outside {
            decided.append(bytes, tag: kind)
        } else {
            if undecided.tags.isEmpty { undecidedStart = code.offset }
            undecided.append(bytes, tag: kind)
        }
        settle(code.scan(bytes), into: &decided)
    }

    /// All that was undecided from `start` on is code.
    private mutating func settle(_ start: Int?, into decided: inout TaggedText) {
        guard let start else { return }
        undecided.removeTags(from: start - undecidedStart)
        guard undecided.tags.isEmpty else { return }
        decided.append(undecided)
        undecided = TaggedText()
    }
}
