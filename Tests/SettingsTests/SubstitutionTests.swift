import Files
import Testing

@testable import Settings

@Suite struct SubstitutionTests {
    private let environment = ["A": "1", "B_2": "${A}", "EMPTY": ""]

    private func contents(of path: String) throws(UnreadableFile) -> String {
        guard path == "/run/token" else { throw UnreadableFile(path: path, reason: "there is no such file") }
        return "${A} of a file"
    }

    private func apply(_ text: String) -> Substitution {
        var fillings = Fillings()
        return Substitution.apply(to: text, environment: environment, contents: contents, fillings: &fillings)
    }

    @Test(arguments: [
        ("plain $A {A}", Substitution.unchanged), ("${A}", .substituted("1")), ("x${A}y${A}", .substituted("x1y1")),
        ("${B_2}", .substituted("${A}")), ("${EMPTY}", .substituted("")), ("${EMPTY:-d}", .substituted("d")),
        ("${A:-d}", .substituted("1")), ("${NOPE:-a:-b c}", .substituted("a:-b c")), ("$${A}", .literal("${A}")),
        ("$${A} ${A}", .substituted("${A} 1")), ("$", .unchanged), ("$$", .unchanged),
        ("<${file:/run/token}>", .substituted("<${A} of a file>")),
    ])
    func fillsIn(_ text: String, _ expected: Substitution) {
        #expect(apply(text) == expected)
    }

    @Test(arguments: [
        ("${A", "a `${` without `}`"), ("${}", "`${…}` holds no name of an environment variable"),
        ("${1A}", "`${…}` holds no name of an environment variable"),
        ("${A-b}", "`${…}` holds no name of an environment variable"),
        ("${NOPE}", "the environment variable `NOPE` is not set"),
        ("${file:/nope}", "cannot read /nope: there is no such file"),
    ])
    func refuses(_ text: String, _ message: String) {
        guard case .failed(let problems) = apply(text) else {
            Issue.record("accepted")
            return
        }
        #expect(problems.map(\.message) == [message])
    }
}
