import MiddlewareKit
import Testing

@testable import Stages

/// What the filter lets out while the text is still coming.
@Suite struct ThinkingFilterStreamTests {
    @Test(arguments: [
        ("a<", "a"), ("a< ", "a"), ("a<thi", "a"), ("a</", "a"), ("a</antml:th", "a"), ("a<think b='c'", "a"),
        ("a<fin", "a"), ("a<b", "a<b"), ("a < b", "a < b"), ("a<thinker", "a<thinker"), ("a<final-", "a<final-"),
    ])
    func `what may become a tag is kept back, and no more than that`(text: String, expected: String) {
        #expect(shownSoFar(text.scalars).last == expected)
        #expect(shownSoFar([text[...]]).last == expected)
    }

    @Test func `an open block shows nothing`() {
        let shown = shownSoFar(["a ", "b<th", "ink>", "c", "</thi", "nk>", " d"])
        #expect(shown == ["a", "a b", "a b", "a b", "a b", "a b", "a b d"])
    }

    @Test func `a tag after a backtick without a partner is undecided`() {
        #expect(shownSoFar(["a ` b", "<think>", "c", "</think>d"]).last == "a ` b")
        #expect(shownSoFar(["a ` b", "<think>", "c", "` d"]).last == "a ` b<think>c` d")
        #expect(shownSoFar(["a ` b", "<think>", "c", "`` d"]).last == "a ` b")
        #expect(shownSoFar(["~~~", "<think>", "\n"]) == ["~~~", "~~~", "~~~<think>"])
    }

    @Test func `white space at the end waits`() {
        #expect(shownSoFar(["a ", "\n", "b"]) == ["a", "a", "a \nb"])
        #expect(shownSoFar(["a "], ThinkingStripOptions(trim: .start)) == ["a "])
    }

    @Test func `white space at the start is taken back when a tag comes`() {
        var filter = ThinkingFilter()
        #expect(filter.feed("  a") == .append("  a"))
        #expect(filter.feed("b") == .append("b"))
        #expect(filter.feed("<think>") == .replace("ab"))
        #expect(filter.feed("x</think>c") == .append("c"))
        #expect(filter.finish() == .append(""))
    }

    @Test func `a lone closing tag takes back what was shown once text follows`() {
        var filter = ThinkingFilter()
        #expect(filter.feed("reasoning") == .append("reasoning"))
        #expect(filter.feed("</think>") == .append(""))
        #expect(filter.feed(" \n") == .append(""))
        #expect(filter.feed("ans") == .replace("ans"))
        #expect(filter.feed("wer") == .append("wer"))
    }

    @Test func `nothing is replaced that was not shown`() {
        var filter = ThinkingFilter()
        #expect(filter.feed(" reasoning</think> answer") == .append("answer"))
        #expect(filter.finish() == .append(""))
    }

    @Test func `a wrapped answer comes when the text has ended`() {
        var filter = ThinkingFilter()
        #expect(filter.feed("<think>the answer") == .append(""))
        #expect(filter.finish() == .append("the answer"))
    }
}
