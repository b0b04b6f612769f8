import JSON
import NIOCore
import Testing

struct JSONEscapingTests {
    /// What RFC 8259 section 7 asks for, and nothing more.
    @Test(arguments: [
        (#"""#, #"\""#), (#"\"#, #"\\"#), ("\n", #"\n"#), ("\r", #"\r"#), ("\t", #"\t"#),
        ("\0", #"\u0000"#), ("\u{1F}", #"\u001f"#),
        ("\u{7F}", "\u{7F}"), ("é", "é"), ("\u{2028}", "\u{2028}"), ("/", "/"), ("", ""),
    ])
    func isWrittenAsTheStandardSays(character: String, escaped: String) {
        // Wherever it stands: long stretches are looked through in blocks.
        for before in 0...33 {
            for after in [0, 1, 15, 16, 17, 40] {
                let (head, tail) = (String(repeating: "a", count: before), String(repeating: "z", count: after))
                var buffer = ByteBuffer()
                buffer.writeJSONString(head + character + tail)
                #expect(String(buffer: buffer) == "\"\(head)\(escaped)\(tail)\"")
            }
        }
    }

    @Test func severalInOneBlock() {
        var buffer = ByteBuffer()
        buffer.writeJSONEscaped("a\"b\\c\n\nd\u{1}" + String(repeating: "x", count: 20) + "\"")
        #expect(String(buffer: buffer) == #"a\"b\\c\n\nd\u0001"# + String(repeating: "x", count: 20) + #"\""#)
    }
}
