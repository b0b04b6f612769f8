import MiddlewareKit
import Testing

@testable import Stages

/// How many texts each combination of options is tried with.
private let rounds = 120

/// The filter against the reference, on random texts made of what matters to it.
@Suite struct ThinkingFilterPropertyTests {
    private static let fragments: [String] = [
        "<think>", "</think>", "<think>", "</think>", "<thinking>", "</thinking>", "<thought>", "</thought>",
        "<antthinking>", "</antthinking>", "<antml:thinking>", "</antml:thought>", "<mm:think>", "</mm:thought>",
        "<THINK>", "</Thinking>", "< think >", "< / think >", "<\u{A0}think\u{2003}>", "<think/>", "<think / >",
        "<think a='b/'>", "<think a=\"`\">", "<think x\n```\n>", "<thinker>", "<think", "</think", "<", "<think-x>",
        "<final>", "</final>", "<final/>", "< FINAL a='b' c=d >", "<final-result>", "<final a=>", "</final x>", "<fin",
        "`", "`", "``", "```", "\n```\n", "\n```swift\n", "\n~~~\n", "~~~", "\n````\n", "```\n",
        " ", "  ", "\n", "\r\n", "\t", "\u{3000}", "<", ">", "/", "=", "'", "nk>", "thi",
        "e\u{301}", "\u{301}", "👩‍👩‍👧", "é", "a", "b c",
    ]

    /// Most texts are made of few kinds of fragments, so that these meet often. Words are numbered, so that each can be
    /// told from the others wherever it shows up.
    private static func text(_ numbers: inout SeededNumbers) -> (text: String, words: [String]) {
        var text = ""
        var words: [String] = []
        let kinds = fragments.shuffled(using: &numbers).prefix([4, 8, 16, .max].randomElement(using: &numbers) ?? 4)
        for _ in 0..<Int.random(in: 1...14, using: &numbers) {
            if Int.random(in: 0..<4, using: &numbers) == 0 {
                words.append("word\(100 + words.count)")
                text += words[words.count - 1]
            } else {
                text += kinds.randomElement(using: &numbers) ?? ""
            }
        }
        return (text, words)
    }

    /// Cuts anywhere in the UTF-8; what would tear a Unicode scalar apart is moved to its start.
    private static func pieces(of text: String, _ numbers: inout SeededNumbers) -> [Substring] {
        let ends = (0..<Int.random(in: 0...5, using: &numbers)).map { _ in
            Int.random(in: 0...text.utf8.count, using: &numbers)
        }
        let cuts = ([0] + ends.sorted() + [text.utf8.count]).map { text.utf8.index(text.startIndex, offsetBy: $0) }
        return zip(cuts, cuts.dropFirst()).map { text[$0..<$1] }
    }

    @Test(arguments: ThinkingStripOptions.allForText)
    func `every way to cut a text gives what the rules give`(options: ThinkingStripOptions) {
        var numbers = SeededNumbers(seed: 13)
        for _ in 0..<rounds {
            let text = Self.text(&numbers).text
            let expected = ReferenceRules(options: options).strip(text).text
            for pieces in [[text[...]], Self.pieces(of: text, &numbers), text.scalars] {
                let actual = stripped(pieces, options)
                #expect(
                    actual.isIdentical(to: expected),
                    "\(pieces) gave \(actual.debugDescription), not \(expected.debugDescription)")
            }
        }
    }

    @Test(arguments: ThinkingStripOptions.allForText)
    func `nothing is shown at any time that the rules hide`(options: ThinkingStripOptions) {
        var numbers = SeededNumbers(seed: 31)
        for _ in 0..<rounds {
            let (text, words) = Self.text(&numbers)
            let everKept = ReferenceRules(options: options).strip(text).everKept
            let hidden = words.filter { !everKept.holds($0) }
            guard !hidden.isEmpty else { continue }
            for shown in shownSoFar(text.scalars, options) {
                #expect(
                    !hidden.contains { shown.holds($0) },
                    "\(text.debugDescription) showed \(shown.debugDescription)")
            }
        }
    }

    @Test func `text without marks is let out at once, but for white space at its end`() {
        var numbers = SeededNumbers(seed: 7)
        for _ in 0..<rounds {
            let words = ["plain", "a", "é", " ", "\n", "👩‍👩‍👧"]
            let text = "x" + (0..<8).map { _ in words.randomElement(using: &numbers) ?? "" }.joined()
            let pieces = Self.pieces(of: text, &numbers)
            let shown = shownSoFar(pieces).last ?? ""
            #expect(text.hasPrefix(shown))
            #expect(text.dropFirst(shown.count).drop { $0.isWhitespace }.isEmpty)
            #expect(stripped(pieces).isIdentical(to: text))
        }
    }
}
