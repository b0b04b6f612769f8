import MiddlewareKit

/// Hides words in replies, and refuses messages that hold them.
///
/// An example of a stage: options, an inbound check, and a transform that works on replies while they stream.
struct WordFilter: Middleware {
    let words: Set<String>

    var handles: StagePaths { StagePaths(inbound: [.chat], replyText: true) }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        if let word = Words.of(message.text).first(where: { words.contains($0.lowercased()) }) {
            throw Rejection(code: "word_refused", message: "Please do not use the word “\(word)” here.")
        }
        try await next(message, context)
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? {
        .immediate(WordMask(words: words))
    }
}

/// Puts asterisks in the place of words. Keeps back the last word until its end is known.
struct WordMask: ReplyTransform {
    let words: Set<String>
    private var tail = ""

    init(words: Set<String>) { self.words = words }

    mutating func feed(_ text: Substring) -> TextChange {
        tail += text
        guard let end = tail.unicodeScalars.lastIndex(where: { !Words.holds($0) }) else { return .append("") }
        let next = tail.unicodeScalars.index(after: end)
        let whole = tail[..<next]
        tail = String(tail[next...])
        return .append(masked(whole))
    }

    mutating func finish() -> TextChange { .append(masked(tail[...])) }

    private func masked(_ text: Substring) -> String {
        var result = ""
        var rest = text.unicodeScalars[...]
        while !rest.isEmpty {
            let word = rest.prefix(while: Words.holds)
            let known = words.contains(String(word).lowercased())
            result += known ? String(repeating: "*", count: word.count) : String(word)
            rest = rest[word.endIndex...]
            let between = rest.prefix { !Words.holds($0) }
            result += String(between)
            rest = rest[between.endIndex...]
        }
        return result
    }
}

/// What a word is: a run of letters, marks and digits.
enum Words {
    static func of(_ text: String) -> [String] {
        text.unicodeScalars.split { !holds($0) }.map { String($0) }
    }

    static func holds(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        return properties.isAlphabetic || properties.numericType != nil
            || properties.canonicalCombiningClass != .notReordered
    }
}
