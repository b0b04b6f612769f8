import Testing

@testable import Stages

@Suite struct CodeScannerTests {
    private func place(after text: String) -> CodeScanner.Place {
        var scanner = CodeScanner()
        for byte in text.utf8 { _ = scanner.scan([byte]) }
        _ = scanner.endRun()
        return scanner.place
    }

    @Test(arguments: [
        "", "a", "`a`", "``a``b", "x ``` a ` ```", "```\na\n```", "~~~\na\n~~~", "~~", "a ~~~\n", "\n ~~~\n", "~~`~\n`",
    ])
    func `outside of code`(text: String) {
        #expect(place(after: text) == .outside)
    }

    @Test(arguments: ["```\n", "~~~\n", "a\n~~~ swift\nb", "\r\n```\r\n", "~~~\n```\n", "~~~\n ~~~", "`\n```\n"])
    func `inside a fence`(text: String) {
        #expect(place(after: text) == .inside)
    }

    @Test(arguments: ["`", "a ``", "`a``", "~~~", "```", "`` ` `"])
    func `undecided`(text: String) {
        #expect(place(after: text) == .undecided)
    }

    @Test func `what became code is told with its start`() {
        var scanner = CodeScanner()
        #expect(scanner.scan(Array("ab`c`` ".utf8)) == nil)
        #expect(scanner.scan(Array("d`".utf8)) == nil)
        #expect(scanner.endRun() == 2)
        #expect(scanner.scan(Array("\n~~~".utf8)) == nil)
        #expect(scanner.scan(Array(" x\n".utf8)) == 10)
    }

    @Test func `at the end, runs without a partner are passed over`() {
        var scanner = CodeScanner()
        _ = scanner.scan(Array("` `` ``` `` ``` x ``".utf8))
        #expect(scanner.finish() == [2..<11])
    }
}
