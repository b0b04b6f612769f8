import MiddlewareKit
import Testing

@testable import Stages

/// The rules for thinking tags, one by one, as examples. Each is fed whole and cut after every Unicode scalar.
@Suite struct ThinkingFilterTests {
    private static let start = ThinkingStripOptions(trim: .start)
    private static let none = ThinkingStripOptions(trim: .none)
    private static let preserve = ThinkingStripOptions(mode: .preserve)
    private static let leading = ThinkingStripOptions(scope: .leading)

    private func expect(_ text: String, gives expected: String, _ options: ThinkingStripOptions = .init()) {
        for pieces in [[text[...]], text.scalars] {
            let actual = stripped(pieces, options)
            #expect(
                actual.isIdentical(to: expected),
                "\(text.debugDescription) gave \(actual.debugDescription), not \(expected.debugDescription)")
        }
    }

    @Test(arguments: [
        "", "   ", " hello \n", " a < b > c ", " <final-result> ", " <think ", " </think ", " <thinker>x</thinker> ",
        " <thoughts> ", " <mm: think> ", " <xthink> ", " <final x='> ", "<", " `<b>` ", "<<<", " <\u{3000}",
    ])
    func `1: a text without tags is left alone, white space and all`(text: String) {
        expect(text, gives: text)
    }

    @Test(arguments: [
        "<think>x</think>", "<thinking>x</thinking>", "<thought>x</thought>", "<antthinking>x</antthinking>",
        "<antml:think>x</antml:think>", "<antml:Thought>x</antml:thinking>",
        "<mm:think>x</mm:think>", "<mm:thought>x</mm:thought>",
        "<THINK>x</Think>", "< think >x</think>", "<\t\nthink>x< / think >", "<think id='a' class=\"b\">x</think>",
        "<think/x>x</think>", "<think-x>x</think!>", "<think:x>x</think>", "<thinké>x</think>", "<think>x</thought>",
    ])
    func `2: all forms of a tag are known, and names need not match`(block: String) {
        expect("A \(block) B", gives: "A  B")
    }

    @Test func `2: a tag without an end is plain text`() {
        expect("how to use <think tags", gives: "how to use <think tags")
        expect("a <think and then </think> ", gives: "a <think and then")
        expect("a <think <b> c", gives: "a <think <b> c")
    }

    @Test(arguments: [
        "A:\n```\n<think>x</think>\n```\nB", "~~~js\n<think>x</think>\n~~~", "```\n<think>x", "a\r\n```\r\n<think>x",
        "````md\n<think>x\n````", "```\n<think>x\n~~~\n</think>y", "The `<think>` tag and `</think>`.",
        "`` a ` <think> ``", "`\n<think>\n`", "a ``` b <think> ``` c", "`<final>`", "~~~\n<final>\n~~~",
    ])
    func `3: a tag in code is plain text`(text: String) {
        expect(text, gives: text)
    }

    @Test func `3: what only looks like code protects nothing`() {
        expect("a ` b <think>x</think> c", gives: "a ` b  c")
        expect("a `` b <think>x</think> ` c", gives: "a `` b  ` c")
        expect("a ```\n<think>x</think>\n~~~", gives: "a ```\n\n~~~")
        expect("```\ncode\n```\n<think>x</think>y", gives: "```\ncode\n```\ny")
        expect("```\n```\n<think>x</think>y", gives: "```\n```\ny")
        expect("~~~<think>x</think>y", gives: "~~~y")
        expect("x ~~~\n<think>x</think>y", gives: "x ~~~\ny")
    }

    @Test func `3: the place of the first character of a tag decides`() {
        expect("<think a=`>x` y</think>z", gives: "z")
        expect("a `b <think x=`> c", gives: "a `b <think x=`> c")
        expect("` <think>\n```\nx", gives: "`")
        expect("`<think>`<think>x</think>y", gives: "`<think>`y")
        expect("`` ` a ` ` b ` ` <think> ` c", gives: "`` ` a ` ` b ` ` <think> ` c")
    }

    @Test(arguments: [
        "<final>", "</final>", "<final/>", "< FINAL >", "< / final >", "<final a='b' c=d>", "<final a>",
        "<final a = b />", "<final a='/'>", "<final a='b'c>", "<final\n>",
    ])
    func `4: final tags go, and their content stays`(tag: String) {
        expect("1\(tag)2", gives: "12")
    }

    @Test(arguments: [
        "<final-result>", "<finals>", "<final a=>", "<final =b>", "<final a='b>", "<final a\"b>", "<final / a>",
        "</final a>", "</final/>", "<final//>", "<final a='<'>", "<final a=b'c>",
    ])
    func `4: what is no well-formed final tag stays`(tag: String) {
        expect("<think/>1\(tag)2", gives: "1\(tag)2")
    }

    @Test func `4: cutting final tags out can make other tags, and code`() {
        expect("a<thi<final>nk>x</think>b", gives: "ab")
        expect("`<final>`<think>x</think> ``", gives: "`<final>` ``")
        expect("<think>x</think><final>y</final>", gives: "y")
        expect("<final/>`<final>a`<think>x</think>", gives: "`<final>a`")
        expect("a `<final>`` <think>b` c", gives: "a `<final>`` <think>b` c")
    }

    @Test func `5: a self-closing tag opens nothing`() {
        expect("a<think/>b<think / >c", gives: "abc")
        expect("<think>x<think/>y</think>z", gives: "z")
        expect("a <think path=\"a/\">x</think>b", gives: "a b")
    }

    @Test func `5: blocks nest`() {
        expect("<think>a<think>b</think>c</think>d", gives: "d")
        expect("<think>a</think>b<think>c</think>d", gives: "bd")
        expect("1<think>2</think>3<think>4</think>", gives: "13")
    }

    @Test func `5: a lone closing tag drops what was kept, if text stands before and after`() {
        expect("reasoning</think>answer", gives: "answer")
        expect("a</think>b</think>c", gives: "c")
        expect("a<think>x</think>b</think>c", gives: "c")
        expect("a</think>", gives: "a")
        expect("a</think> \n", gives: "a")
        expect("</think>a", gives: "a")
        expect("a</think></think>b", gives: "b")
        expect("a<think>x</think> </think>b", gives: "a b")
        expect("a</think><think>x</think>", gives: "")
        expect("a</think>  b ", gives: "  b ", Self.none)
        expect("a</think>  ", gives: "a  ", Self.none)
    }

    @Test func `6: what is never closed is dropped, or kept from the last tag on`() {
        expect("Before <think>rest", gives: "Before")
        expect("Before <think>rest", gives: "Before rest", Self.preserve)
        expect("a<think>b<think>c</think>d", gives: "ad", Self.preserve)
        expect("a<think>b<think/>c", gives: "ac", Self.preserve)
    }

    @Test func `7: a text with a tag is trimmed at the very end`() {
        let text = "  <think>x</think>  result  "
        expect(text, gives: "result")
        expect(text, gives: "result  ", Self.start)
        expect(text, gives: "    result  ", Self.none)
        expect("\u{A0}\u{FEFF}a\u{3000}\u{2029}<think/>", gives: "a")
        expect(" `<think>` ", gives: "`<think>`")
        expect("A <think>x</think> B", gives: "A  B")
        expect(" a <final> ", gives: "a")
    }

    @Test func `8: an answer that is wrapped as a whole is not lost`() {
        expect("<think> the answer ", gives: "the answer")
        expect(" \n<think a>the <think>answer</think>", gives: "the <think>answer</think>")
        expect("<think>x</think><think>y", gives: "y")
        expect("<think> y ", gives: " y ", Self.none)
        expect("  <think>y", gives: "  ", Self.none)
        expect("a<think>y", gives: "a")
        expect("a</think><think>y", gives: "y")
    }

    @Test func `9: with scope leading, an opening tag after text needs a closing one`() {
        expect("see <think> and <thought> ", gives: "see <think> and <thought>", Self.leading)
        expect("see <think>x</think> ok", gives: "see  ok", Self.leading)
        expect("see <think>x</think> ok <think> y", gives: "see  ok <think> y", Self.leading)
        expect("see <think>x `</think>`", gives: "see <think>x `</think>`", Self.leading)
        expect("see <think>x<think>y</think>z", gives: "see", Self.leading)
        expect("<think>x</think><think>y", gives: "y", Self.leading)
        expect("a</think><think>y", gives: "y", Self.leading)
        expect("a <think>b", gives: "a <think>b", ThinkingStripOptions(mode: .preserve, scope: .leading))
        expect(
            "a <think>b<think>c</think>d", gives: "a d", ThinkingStripOptions(mode: .preserve, scope: .leading))
    }

    @Test func `a piece may begin or end within a character`() {
        expect("你好 <think>思考 🤔</think> 世界", gives: "你好  世界")
        expect("a\r\n<think>\u{301}x</think>\u{301}b", gives: "a\r\n\u{301}b")
        let text = "é🙂<think>🤫</think>👩‍👩‍👧"
        let bytes = text.utf8.indices.map { text[$0..<text.utf8.index(after: $0)] }
        #expect(stripped(bytes) == "é🙂👩‍👩‍👧")
    }
}
