import MiddlewareKit
import Testing

@testable import Settings

@Suite struct SourceLinesTests {
    private func excerpt(_ text: String, line: Int, column: Int, width: Int = 100) -> [String] {
        var lines = SourceLines()
        lines.secretKeys = SecretKeys(["token", "password", "signing-key"])
        lines.add(Array(text.utf8), file: "c")
        guard
            let (line, caret) = lines.excerpt(
                at: SourcePosition(file: "c", line: line, column: column), width: width)
        else { return [] }
        return [line, caret]
    }

    @Test func theCaretStandsBelowThePlace() {
        #expect(excerpt("a: 1\r\n\tb: 2\n", line: 2, column: 2) == ["\tb: 2", "\t^"])
        #expect(excerpt("\u{FEFF}a: 1", line: 1, column: 4) == ["a: 1", "   ^"])
        #expect(excerpt("a: 1", line: 2, column: 1) == [])
        #expect(excerpt("a: 1", line: 1, column: 9) == [])
    }

    @Test func longLinesAreCut() {
        let text = String(repeating: "0123456789", count: 20)
        #expect(excerpt(text, line: 1, column: 101, width: 10) == ["…5678901234…", "      ^"])
        #expect(excerpt(text, line: 1, column: 1, width: 10) == ["0123456789…", "^"])
        #expect(excerpt(text, line: 1, column: 200, width: 10) == ["…0123456789", "          ^"])
    }

    /// Though it looks like one by its name.
    @Test func aNumberOfTokensIsNoSecret() {
        func excerpt(_ text: String, among options: [OptionDescription]) -> String? {
            var lines = SourceLines()
            lines.secretKeys = SecretKeys([], stages: [.group(name: "", options)])
            lines.add(Array(text.utf8), file: "c")
            return lines.excerpt(at: SourcePosition(file: "c", line: 1, column: 1))?.line
        }
        let number = OptionDescription(key: "tokens", type: .integer, help: "")
        for text in ["tokens: -1", "{ tokens: 500, a: 1 }", "tokens: 1MiB # x"] {
            #expect(excerpt(text, among: [number]) == text)
        }
        #expect(excerpt("tokens: hunter2", among: [number]) == "tokens: <redacted>")
        #expect(excerpt("tokens: 12345678901234567890", among: [number]) == "tokens: <redacted>")
        // There it may be a slip.
        let secret = OptionDescription(key: "token", type: .secret, help: "")
        #expect(excerpt("tokens: 1", among: [number, secret]) == "tokens: <redacted>")
        #expect(excerpt("tokens: 1", among: []) == "tokens: <redacted>")
    }

    /// What is a number in a stage may be a slip in a gateway.
    @Test func aNumberIsOneWhereItBelongs() {
        var lines = SourceLines()
        lines.secretKeys = SecretKeys(
            Settings.descriptions,
            stages: [.group(name: "", [OptionDescription(key: "tokens", type: .integer, help: "")])])
        lines.add(
            Array("pipeline:\n- { use: quota, with: { tokens: -1 } }\ngateways:\n- { id: a, tokens: 1 }".utf8),
            file: "c")
        func line(_ number: Int) -> String? {
            lines.excerpt(at: SourcePosition(file: "c", line: number, column: 1))?.line
        }
        #expect(line(2) == "- { use: quota, with: { tokens: -1 } }")
        #expect(line(4) == "- { id: a, tokens: <redacted>}")
    }

    @Test(arguments: [
        ("{ id: a, token: hunter2, prot: 1 }", 26, "{ id: a, token: <redacted>, prot: 1 }", 29),
        ("token: hunter2", 8, "token: <redacted>", 8), ("token: hunter2", 10, "token: <redacted>", 8),
        ("tokne: 'hunter2' # x", 1, "tokne: <redacted> # x", 1),
        ("hook_secret:hunter2", 1, "hook_secret:<redacted>", 1),
        ("\"password\" : \"hun ter2\", a: 1", 1, "\"password\" : <redacted>, a: 1", 1),
        ("signing-keys: [hunter2, hunter2]", 1, "signing-keys: <redacted>", 1),
        ("token: hunter2, hunter2", 1, "token: <redacted>", 1),
        ("{ token: \"${TOKEN}\", password: ${P} }", 1, "{ token: \"${TOKEN}\", password: ${P} }", 1),
        ("token: ${TOKEN:-hunter2}", 1, "token: <redacted>", 1), ("token: ${A}hunter2", 1, "token: <redacted>", 1),
        ("api-key: hunter2", 1, "api-key: <redacted>", 1),
        ("Authorization: Bearer hunter2", 1, "Authorization: <redacted>", 1),
        ("key: hunter2", 1, "key: <redacted>", 1), ("token = hunter2", 1, "token = <redacted>", 1),
        ("[sh, --token=hunter2, --key, \"hunter2\", x]", 1, "[sh, --token=<redacted>, --key, <redacted>, x]", 1),
        ("token: { a: hunter2 }", 1, "token: <redacted>", 1), ("token: \"hunter2", 1, "token: <redacted>", 1),
    ])
    func secretsAreMasked(_ line: String, _ column: Int, _ shown: String, _ newColumn: Int) {
        #expect(
            excerpt(line, line: 1, column: column) == [shown, String(repeating: " ", count: newColumn - 1) + "^"])
    }

    @Test(arguments: [
        ("token:\n  hunter2", 2), ("a:\n  token: |\n    x\n    hunter2", 4), ("tokens:\n- hunter2", 2),
        ("- token:\n    - hunter2", 2), ("token: >-\n\n  # x\n  hunter2", 4), ("token:\n  a:\n    - b: hunter2", 3),
    ])
    func secretsBelowTheirKeyAreMasked(_ text: String, _ line: Int) {
        let shown = excerpt(text, line: line, column: 1).first ?? "hunter2"
        #expect(shown.hasSuffix("<redacted>") && !shown.contains("hunter2"))
    }

    @Test(arguments: [
        ("a: hunter2", 1), ("when: token == hunter2", 1), ("token: x\na: hunter2", 2),
        ("a:\n  token: x\n  b: hunter2", 3),
    ])
    func everythingElseIsShown(_ text: String, _ line: Int) {
        #expect(excerpt(text, line: line, column: 1).first?.contains("hunter2") == true)
    }
}
