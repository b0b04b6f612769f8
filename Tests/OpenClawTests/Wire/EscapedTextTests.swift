import Testing

@testable import OpenClaw

@Suite struct EscapedTextTests {
    @Test(arguments: [
        ("plain ü 🦞", "plain ü 🦞"), (#"a\n\t\r\b\f\"\\\/"#, "a\n\t\r\u{8}\u{C}\"\\/"),
        (#"\u00e9\u20AC\ud83e\udd9e"#, "é€🦞"),
        (#"\ud83e"#, "\u{FFFD}"), (#"\udd9ex"#, "\u{FFFD}x"), (#"\ud83e\ud83e\udd9e"#, "\u{FFFD}🦞"),
        (#"\ud83e\u0041"#, "\u{FFFD}A"), (#"\\ud83e"#, #"\ud83e"#), ("", ""), (#"\u0000"#, "\0"),
    ])
    func unescapes(raw: String, text: String) {
        #expect(unescape(raw) == text)
    }

    @Test(arguments: [#"\q"#, #"\"#, #"\u12"#, #"\u12g4"#, #"a\u"#])
    func refusesWrongEscapes(raw: String) {
        #expect(unescape(raw) == nil)
    }

    @Test(arguments: [(#"ab\ud83e"#, 2), (#"ab\\ud83e"#, 9), (#"a\\\ud83e"#, 3), (#"ab\udd9e"#, 8), ("ab", 2), ("", 0)])
    func openSurrogate(raw: String, count: Int) {
        #expect(Array(raw.utf8).withUnsafeBytes { EscapedText.countWithoutOpenSurrogate($0) } == count)
    }

    private func unescape(_ raw: String) -> String? {
        Array(raw.utf8).withUnsafeBytes { EscapedText.unescape($0) }
    }
}
