import MiddlewareKit
import Testing

@Suite struct FindingsTests {
    @Test func readsLikeACompilersMessage() {
        let position = SourcePosition(file: "config.yaml", line: 3, column: 5)
        #expect(position.description == "config.yaml:3:5")
        let finding = Finding(severity: .warning, position: position, message: "odd", hint: "mend it")
        #expect(finding.description == "config.yaml:3:5: warning: odd (mend it)")
    }

    @Test func isBoundedAndInOrder() {
        var findings = Findings()
        findings.warning(at: SourcePosition(file: "a", line: 200, column: 1), "last")
        #expect(!findings.hasErrors)
        for line in (1...150).reversed() {
            findings.error(at: SourcePosition(file: "a", line: line, column: 1), "\(line)")
        }
        #expect(findings.errorCount == 150)
        #expect(findings.all.count == 101)
        #expect(findings.all.first?.message == "52")
        #expect(findings.all.last?.message == "and 51 more")
    }

    @Test func addsOthersWithTheirCount() {
        var some = Findings()
        var others = Findings()
        for number in 0..<120 { others.error(at: place, "\(number)") }
        some.add(others)
        #expect(some.errorCount == 120)
        #expect(some.all.last?.message == "and 20 more")
    }

    @Test func theSameFindingCountsOnce() {
        var some = Findings()
        var others = Findings()
        others.error(at: place, "x")
        others.warning(at: place, "y")
        some.add(others)
        some.add(others)
        #expect(some.errorCount == 1 && some.all.count == 2)
    }
}
