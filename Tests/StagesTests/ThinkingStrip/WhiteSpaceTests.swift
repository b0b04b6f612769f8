import Testing

@testable import Stages

@Suite struct WhiteSpaceTests {
    @Test(arguments: [
        "\t", "\n", "\u{B}", "\u{C}", "\r", " ", "\u{A0}", "\u{1680}", "\u{2000}", "\u{200A}", "\u{2028}", "\u{2029}",
        "\u{202F}", "\u{205F}", "\u{3000}", "\u{FEFF}",
    ])
    func `all white space of JavaScript is known`(space: String) {
        let bytes = Array((space + "x" + space + space).utf8)
        #expect(bytes.leadingWhiteSpace == space.utf8.count)
        #expect(bytes.trailingWhiteSpace == 2 * space.utf8.count)
        #expect(Array(space.utf8).isBlank)
    }

    @Test(arguments: ["\u{0}", "\u{8}", "\u{E}", "a", "\u{85}", "\u{A1}", "\u{180E}", "\u{200B}", "\u{2030}", "é", "🙂"])
    func `nothing else is`(text: String) {
        #expect(Array(text.utf8).leadingWhiteSpace == 0)
        #expect(Array(text.utf8).trailingWhiteSpace == 0)
        #expect(!Array(text.utf8).isBlank)
    }
}
