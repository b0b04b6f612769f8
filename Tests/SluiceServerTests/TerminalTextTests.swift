import JSON
import NIOCore
import SluiceServer
import Testing

@Suite struct TerminalTextTests {
    @Test func whatWouldDrawIsShown() {
        let text = "a\u{1B}[2J\u{7}\u{0}\u{7F}\u{9B}31m\r\n\tb\u{202E}c\u{2028}é🙂\u{200D}"
        #expect(
            TerminalText.lines(text)
                == #"a\u001b[2J\u0007\u0000\u007f\u009b31m\r"# + "\n\t" + #"b\u202ec\u2028é🙂"# + "\u{200D}")
        #expect(TerminalText.line("a\r\n\tb") == #"a\r\n\tb"#)
        #expect(TerminalText.line("Grüße, 世界 (a\\b)") == "Grüße, 世界 (a\\b)")
    }

    @Test func jsonStaysWhatItIs() throws {
        let value: JSONValue = .string("a\u{1B}\u{9B}\u{7F}\u{202E}\n")
        let shown = TerminalText.lines(value.encoded())
        #expect(!shown.unicodeScalars.contains("\u{9B}"))
        #expect(try JSONValue(parsing: ByteBuffer(string: shown)) == value)
    }
}
