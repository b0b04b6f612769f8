import Files
import MiddlewareKit
import Testing

@testable import Settings

@Suite struct ConfigFileTests {
    private func read(_ bytes: [UInt8], environment: [String: String] = [:]) -> (node: ConfigNode?, findings: [String])
    {
        var fillings = Fillings()
        let result = ConfigFile.read(text: bytes, file: "c", environment: environment, fillings: &fillings) {
            (path) throws(UnreadableFile) in
            throw UnreadableFile(path: path, reason: "there is no such file")
        }
        return (result.node, result.findings.all.map(\.description))
    }

    private func findings(_ text: String) -> [String] { read(Array(text.utf8)).findings }

    @Test(arguments: ["", "# nothing\n", "\n\n", "---\n", "\u{FEFF}", "~\n"])
    func emptyFilesAreFine(_ text: String) {
        let result = read(Array(text.utf8))
        #expect(result.findings == [])
        #expect(result.node?.isNull == true)
    }

    @Test func positionsAreThoseOfTheFile() throws {
        let text = "\u{FEFF}# first\r\na:\r\n  é: x\r\n  list: [1, \"two\"]\r\n"
        let root = try #require(read(Array(text.utf8)).node)
        let list = try #require(root["a"]?["list"])
        #expect(list.position == SourcePosition(file: "c", line: 4, column: 9))
        #expect(root["a"]?["é"]?.position == SourcePosition(file: "c", line: 3, column: 6))
        guard case .sequence(let elements) = list.content else {
            Issue.record("not a list")
            return
        }
        #expect(elements[0].plainScalar == "1")
        #expect(elements[1].plainScalar == nil && elements[1].scalar == "two")
        #expect(elements[1].position.column == 13)
    }

    @Test(arguments: [
        ("server:\n\tport: 80\n", "c:2:1: error: a tab in the indentation (indent with spaces)"),
        ("server:\n  host: x\n  \tport: 80\n", "c:3:3: error: a tab in the indentation (indent with spaces)"),
        ("a: *foo\n", "c:1:4: error: a value cannot begin with `*` (put quotes around the value)"),
        ("a: [\"x\", *]\n", "c:1:10: error: a value cannot begin with `*` or `&` (put quotes around the value)"),
        ("a: @x\n", "c:1:4: error: a value cannot begin with this character (put quotes around the value)"),
        (
            "a: &foo 1\n",
            "c:1:4: error: anchors such as `&name` are not supported (write the value out where it is needed)"
        ),
        ("a: !foo 1\n", "c:1:4: error: tags such as `!name` are not supported (delete the tag)"),
        ("a:\n  <<: {b: 1}\n", "c:2:3: error: merge keys (`<<`) are not supported (write the options out)"),
        (
            "a: 1\n---\nb: 1\n",
            "c:2:1: error: a second document begins here (the file may hold one only: delete the `---`)"
        ),
        ("a: {b: 1\nc: d\n", "c:1:4: error: a `{` that is not closed (add `,` or `}`)"),
        ("a: [b, c\n", "c:1:4: error: a `[` that is not closed (add `,` or `]`)"),
        ("a: {b: ${B}}\n", "c:1:8: error: inside `{ }` and `[ ]`, `${NAME}` needs quotes (write \"${NAME}\")"),
        ("a:\n  b: \"x\n  c: 1\n", "c:2:6: error: a quote that is not closed (add the closing quote)"),
        (
            "a: \"\\q\"\n",
            "c:1:5: error: an unknown escape after `\\` (write `\\\\` for a backslash, or use single quotes)"
        ),
        (
            "a: b: c\n",
            "c:1:5: error: a `:` where none may stand (check the indentation and the line above, or put quotes around text with a `:`)"
        ),
        ("a:\n  b: 1\n c: 2\n", "c:3:2: error: this line does not fit the lines above it (check the indentation)"),
        ("a: - b\n", "c:1:4: error: a `-` where no list can begin (begin the list on a line of its own)"),
        ("? [a, b]\n: c\n", "c:1:3: error: a key must be a single word (write key: value)"),
        ("a: b\u{7}\n", "c:1:5: error: the file holds a control character (code 7, hexadecimal) (delete it)"),
    ])
    func sayWhatIsWrongAndWhere(_ text: String, _ finding: String) {
        #expect(findings(text) == [finding])
    }

    @Test func bytesThatAreNoText() {
        let finding = "error: the file is not UTF-8 text from here on (save it as UTF-8)"
        #expect(read(Array("a: é\nb: ".utf8) + [0xFF, 0x20]).findings == ["c:2:4: \(finding)"])
        #expect(read([0xFF, 0xFE, 0x61, 0x00]).findings == ["c:1:1: \(finding)"])
        #expect(read(Array("a: ".utf8) + [0xC3]).findings == ["c:1:4: \(finding)"])
        #expect(read(Array("a: ".utf8) + [0xED, 0xA0, 0x80]).findings == ["c:1:4: \(finding)"])
    }

    @Test func tenMegabytesOfNonsense() {
        let nonsense = (0..<10_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(read(nonsense).findings == ["c:1:1: error: the file is larger than 1MiB (is this the right file?)"])
    }

    @Test func aliasesAreRefusedBeforeTheyExpand() {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            let all = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            bomb += "a\(level): &a\(level) [\(all)]\n"
        }
        let message = "aliases such as `&name` and `*name` are not supported"
        let hint = "(write the value out, or put quotes around text that begins with `*`)"
        #expect(findings(bomb) == ["c:2:10: error: \(message) \(hint)"])
        // As a key it would be expanded by the parser itself.
        #expect(findings("a: &a [x]\n? *a\n: y\n") == ["c:2:3: error: \(message) \(hint)"])
        #expect(findings("[&a x,\"y\",*a]") == ["c:1:11: error: \(message) \(hint)"])
    }

    @Test func starsAndAmpersandsInTextAreNoAliases() {
        #expect(findings("a: \"*.example.com & *x\"\nb: |\n  *bold* & more\nc: x&y *y\n") == [])
    }

    @Test func depthAndNumberOfValuesAreBounded() {
        let deep = "error: lists and mappings are nested more than 64 deep here"
        let brackets = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
        #expect(findings(brackets(64)) == [])
        #expect(findings(brackets(65)) == ["c:1:65: \(deep)"])
        #expect(findings(brackets(5000)) == ["c:1:1: \(deep)"])
        let many = String(repeating: "- a\n", count: 10_000)
        #expect(findings(many) == ["c:10000:3: error: the file holds more than 10000 values"])
    }

    @Test func duplicateKeysStayInTheTreeWithBothPlaces() throws {
        let text = "a: 1\nb: {c: 1, 'c': 2, c: 3}\na: 2\n\"a\": 3\n"
        let root = try #require(read(Array(text.utf8)).node)
        guard case .mapping(let pairs) = root.content, case .mapping(let inner)? = root["b"]?.content else {
            Issue.record("not a mapping")
            return
        }
        #expect(pairs.map { "\($0.key)@\($0.keyPosition.line)" } == ["a@1", "b@2", "a@3", "a@4"])
        #expect(inner.map { "\($0.key)@\($0.keyPosition.column)" } == ["c@5", "c@11", "c@19"])
    }

    @Test func duplicateKeysThatCannotBeRenamedAreReportedAlone() {
        #expect(
            findings("\"\": 1\n\"\": 2\n") == ["c:1:1: error: `` is given twice in this mapping (keep one of them)"])
        let many = String(repeating: "key: 1\n", count: 30)
        #expect(findings(many) == ["c:21:1: error: `key` is given twice in this mapping (keep one of them)"])
    }

    @Test func variablesAreFilledInAsText() throws {
        let environment = ["SECRET": "a: b # c\n- ${OTHER}", "PORT": "8080", "EMPTY": ""]
        let text = "a: \"${SECRET}\"\nb: ${PORT}\nc: \"${PORT}\"\nd: ${EMPTY}\ne: $${PORT}\nf: <${PORT}>\n${PORT}: x\n"
        let root = try #require(read(Array(text.utf8), environment: environment).node)
        #expect(root["a"]?.scalar == environment["SECRET"])
        #expect(root["b"]?.plainScalar == "8080" && root["c"]?.plainScalar == "8080")
        #expect(root["d"]?.isNull == true)
        #expect(root["e"]?.scalar == "${PORT}" && root["e"]?.isFromEnvironment == false)
        #expect(root["f"]?.scalar == "<8080>" && root["f"]?.isFromEnvironment == true)
        #expect(root["${PORT}"]?.scalar == "x")
    }

    @Test func variablesThatAreNotSet() {
        let hint = "(set it, or write ${NOPE:-default})"
        #expect(
            findings("a: x\nb: [\"${NOPE}\", \"${NOPE:-}\"]\n")
                == ["c:2:5: error: the environment variable `NOPE` is not set \(hint)"])
    }

    @Test(arguments: [
        "", "plain", "true", "null", "~", "a b", "a: b", "#x", "- x", "\"\\'", "line\nline\t\r", "é🙂", "${X}", "$${X}",
        "*a",
        "&a", "!a", "1", "{", "\u{85}\u{2028}\u{FEFF}\u{1B}", " edge ",
    ])
    func textThatIsWrittenReadsBack(_ text: String) throws {
        for yaml in ["a: \(text.optionText)\n", "a: { b: [\(text.optionText)] }\n"] {
            let root = try #require(read(Array(yaml.utf8)).node)
            var value = try #require(root["a"])
            if case .sequence(let elements)? = value["b"]?.content { value = elements[0] }
            #expect(value.scalar == text)
        }
    }
}
