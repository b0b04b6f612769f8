import MiddlewareKit
import Testing

@Suite struct CollectionTests {
    @Test func listsReportEveryWrongEntry() {
        let result = read([Int].self, list(plain("1"), plain("x"), plain("3"), plain("y")))
        #expect(result.value == nil)
        #expect(
            result.findings == [
                "entry 2 of `key` must be a whole number such as 10, not `x`",
                "entry 4 of `key` must be a whole number such as 10, not `y`",
            ])
    }

    @Test func salvageKeepsWhatIsRight() {
        var findings = Findings()
        #expect([Int].salvage(list(plain("1"), plain("x"), plain("3")), findings: &findings) == [1, 3])
        #expect(findings.errorCount == 1)
    }

    @Test func optionals() {
        #expect(read(Int?.self, ConfigNode(position: place, content: .null)).value == .some(nil))
        #expect(read(Int?.self, plain("5")).value == 5)
        #expect(read(Int?.self, plain("x")).value == nil)
    }

    @Test func dictionaries() {
        #expect(read([String: Int].self, mapping(("b", plain("2")), ("a", plain("1")))).value == ["a": 1, "b": 2])
        #expect(["b c": 2, "a": 1].optionText == "{ a: 1, \"b c\": 2 }")
        #expect(
            read([String: Int].self, mapping(("a", plain("1")), ("a", plain("x")))).findings
                == ["`a` is given twice; the first one is in line 1, column 1 (keep one of them)"])
    }
}
