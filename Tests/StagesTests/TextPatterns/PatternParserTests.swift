import Testing

@testable import Stages

@Suite struct PatternParserTests {
    private func problem(_ pattern: String) -> String? {
        do throws(PatternProblem) {
            var builder = Automaton.Builder()
            try builder.add(PatternParser.parse(pattern, ignoresCase: false), rule: 0)
            return nil
        } catch {
            return error.words
        }
    }

    @Test(arguments: [
        "a", "a|b", "(?:ab)+c?", "[a-z_]{2,5}", "[^\\s\\]]", "\\d{3}-\\d{4}", "\\bfoo\\b", "^#.*$", "\\x41\\x{1F600}",
        "[-a]",
        "[a-]", "\\.", "x{3,}", "日本", "(a|)b", "\\_", "(((){1000}){1000}){1000}a",
    ])
    func goodPatternsAreTaken(pattern: String) { #expect(problem(pattern) == nil) }

    @Test(arguments: [
        ("", "matches the empty text"), ("a*", "matches the empty text"), ("(a|)", "matches the empty text"),
        ("^", "matches the empty text"), ("(a", "has a `(` without `)`, at character 2"),
        ("a)", "has a `)` without `(`, at character 2"), ("[a", "has a `[` without `]`, at character 2"),
        ("[]", "has empty [ ], at character 2"), ("[z-a]", "has a range in [ ] that is none, at character 5"),
        ("*a", "has a `*` with nothing before it to repeat, at character 1"),
        ("a{,3}", "has a `{` that is no repetition such as {2,5}; write \\{ for the character, at character 3"),
        ("a{5,2}", "has a repetition whose bounds are the wrong way round, at character 6"),
        ("a{1001}", "repeats something more than 1000 times, at character 6"),
        ("(?=a)b", "has a `(?`; only plain groups are known, no look-around and no flags, at character 3"),
        ("(a)\\1", "has `\\1`, which means nothing here, at character 5"),
        (
            "a+?",
            "repeats a repetition; there is no lazy or possessive one, put the first into ( ), at character 3"
        ),
        ("a\\", "ends with a backslash, at character 2"),
        (
            "\\xZZ",
            "has a `\\x` that is no character such as \\x41 or "
                + "\\x{1F600}, at character 3"
        ),
        ("((a{1000}){1000}){1000}", "is too large: it repeats too much too often"),
        (String(repeating: "(", count: 60), "nests groups too deeply, at character 51"),
    ])
    func badPatternsAreExplained(pattern: String, words: String) { #expect(problem(pattern) == words) }
}
