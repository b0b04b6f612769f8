import MiddlewareKit
import Testing

@Suite struct ScalarTests {
    @Test func textIsAnySingleValue() {
        #expect(read(String.self, plain("42")).value == "42")
        #expect(read(String.self, quoted("a: b # c")).value == "a: b # c")
        #expect(read(String.self, list()).findings == ["`key` must be text, not a list"])
    }

    @Test(arguments: [
        "", "plain", "true", "null", "~", "a b", "a: b", "#", "- x", "\"\\", "line\nline\t", "é🙂", "${X}", "*a",
    ])
    func textIsWrittenSafely(_ text: String) {
        let written = text.optionText
        #expect(written == text || (written.hasPrefix("\"") && written.hasSuffix("\"") && !written.contains("\n")))
    }

    @Test func textForYAMLIsQuotedWhereItMustBe() {
        #expect("plain-1".optionText == "plain-1")
        #expect("null".optionText == "\"null\"")
        #expect("a\"b\\\n\u{1}".optionText == #""a\"b\\\n\u0001""#)
        #expect("${X}".optionText == "\"$${X}\"")
    }

    @Test func booleans() {
        #expect(read(Bool.self, plain("true")).value == true)
        #expect(read(Bool.self, plain("false")).value == false)
        #expect(read(Bool.self, plain("yes")).findings == ["`key` must be true or false, not `yes` (write true)"])
        #expect(
            read(Bool.self, quoted("true")).findings == [
                "`key` must be true or false, not `true` (leave out the quotes)"
            ])
    }

    @Test(arguments: [0, 1, -1, 8080, Int.max, Int.min])
    func integersReadBack(_ number: Int) {
        #expect(read(Int.self, plain(number.optionText)).value == number)
    }

    @Test(arguments: ["", "x", "1.0", "0x10", "010", "1_000", "99999999999999999999", "1e3", " 1"])
    func noIntegers(_ text: String) {
        #expect(read(Int.self, plain(text)).findings == ["`key` must be a whole number such as 10, not `\(text)`"])
    }

    @Test(arguments: [0, 0.5, -2, 1e100, 0.1])
    func numbersReadBack(_ number: Double) {
        #expect(read(Double.self, plain(number.optionText)).value == number)
    }

    @Test(arguments: ["nan", "inf", "0x1p3", "1e999", "", "1,5"])
    func noNumbers(_ text: String) {
        #expect(read(Double.self, plain(text)).findings == ["`key` must be a number such as 0.5, not `\(text)`"])
    }

    @Test func secretsNeverShow() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(secret.revealed == "hunter2")
        for text in [
            "\(secret)", String(reflecting: secret), secret.optionText, dumped, "\([secret])", "\(secret as Any)",
        ] {
            #expect(!text.contains("hunter2"))
        }
    }

    @Test func nodesDoNotPrintTheirText() {
        #expect("\([plain("hunter2")])" == "[the value at test.yaml:1:1]")
    }

    @Test func whatComesFromTheEnvironmentIsNotRepeated() {
        var node = plain("hunter2")
        node.isFromEnvironment = true
        #expect(
            read(Int.self, node).findings == [
                "`key` must be a whole number such as 10, not what the environment variable holds"
            ])
        #expect(
            read(FailurePolicy.self, node).findings == [
                "`key` must be one of closed, open, not what the environment variable holds"
            ])
    }

    @Test func choices() {
        #expect(read(FailurePolicy.self, plain("open")).value == .open)
        #expect(
            read(FailurePolicy.self, plain("colsed")).findings
                == ["`key` must be one of closed, open, not `colsed` (did you mean `closed`?)"])
        #expect(read(FailurePolicy.self, plain("maybe")).findings == ["`key` must be one of closed, open, not `maybe`"])
    }

    @Test func longAndStrangeTextIsShortenedInMessages() {
        let text = "\u{1B}[31m" + String(repeating: "x", count: 1000)
        #expect(read(Int.self, plain(text)).findings[0].contains("` [31m\(String(repeating: "x", count: 35))…`"))
    }
}
