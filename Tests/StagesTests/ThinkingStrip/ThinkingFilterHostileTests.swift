import MiddlewareKit
import Testing

@testable import Stages

/// Long texts made to be slow: they never end if a step looks at all that it keeps back again for every piece.
@Suite struct ThinkingFilterHostileTests {
    private static func repeated(_ text: String, before: String = "", after: String = "") -> String {
        before + String(repeating: text, count: 30_000 / text.utf8.count) + after
    }

    /// Runs of 1, 2, 3 … backticks, so that none of them finds a partner.
    private static let growingRuns = (1...240).map { String(repeating: "`", count: $0) }.joined(separator: "<think>")

    private static let texts: [String] = [
        repeated("<"),
        repeated("<think "),
        repeated(" ", before: "<"),
        repeated("a='b' ", before: "<think "),
        repeated("a='b' ", before: "<final ", after: ">"),
        repeated("<think>a</think>b"),
        repeated("<think>"),
        repeated("a</think>b", before: "x"),
        repeated("</think>", before: "  x"),
        repeated("<think>a</think>", before: "`"),
        repeated("`` <think> ``` ", before: "`"),
        growingRuns,
        repeated("\n```\n<think>"),
        repeated("\n```<think>"),
        repeated(" ", before: "<think/>x", after: "y"),
        repeated("<final>a"),
        repeated("<thi<final>nk>a"),
    ]

    /// What is shown of the text, in bytes, when it is fed byte by byte.
    private func length(ofBytewise text: String, _ options: ThinkingStripOptions = .init()) -> Int {
        var filter = ThinkingFilter(options)
        var length = 0
        func count(_ change: TextChange) {
            switch change {
            case .append(let more): length += more.utf8.count
            case .replace(let all): length = all.utf8.count
            }
        }
        for position in text.utf8.indices { count(filter.feed(text[position..<text.utf8.index(after: position)])) }
        count(filter.finish())
        return length
    }

    @Test(arguments: texts.indices)
    func `each alone, byte by byte and whole`(index: Int) {
        let text = Self.texts[index]
        #expect(length(ofBytewise: text) == stripped(text).utf8.count)
    }

    @Test func `a megabyte, byte by byte and whole`() {
        let text = (Self.texts + Self.texts).joined(separator: "\n")
        let options = ThinkingStripOptions(mode: .preserve, scope: .leading)
        #expect(length(ofBytewise: text, options) == stripped(text, options).utf8.count)
    }
}
