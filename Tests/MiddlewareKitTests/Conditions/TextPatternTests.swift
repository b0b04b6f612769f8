import Testing

@testable import MiddlewareKit

@Suite struct TextPatternTests {
    @Test(arguments: [
        ("abc", "xxabcxx", true), ("^abc", "xabc", false), ("^abc", "abcx", true), ("abc$", "abcx", false),
        ("abc$", "xabc", true), ("^$", "", true), ("^$", "a", false), ("", "anything", true), ("a.c", "a\nc", false),
        ("a.c", "aöc", true), ("^.$", "👍", true), ("^..$", "👍", false), ("[a-c]+d", "xxbcad", true),
        ("^[^a-c]$", "ö", true),
        ("^[^a-c]$", "b", false), ("[äöü]", "für", true), ("[à-ÿ]x", "éx", true), ("\\d{3}", "a12b123", true),
        ("\\d{3}", "12 34", false),
        ("^\\w+@\\w+\\.com$", "ada@example.com", true), ("a|b|^c", "xc", false), ("(ab)+$", "xabab", true),
        ("^(ab){2,3}$", "abababab", false), ("^(ab){2,}$", "abababab", true), ("^a?b?$", "ab", true),
        ("(?i)grüße", "GRÜßE", true),
        ("[]a]", "]", true), ("[a-]", "-", true), ("\\[x\\]", "[x]", true), ("[\\s]", "\t", true),
        ("^[\\D]$", "5", false),
        ("(?:a|)b", "b", true), ("(a*)*b", "aaab", true), ("x*", "", true), ("a{2}", "a", false),
        ("\\.\\*\\\\", ".*\\", true),
    ])
    func finds(_ pattern: String, _ text: String, _ expected: Bool) throws {
        #expect(try TextPattern(pattern).isFound(in: text) == expected)
    }

    @Test(arguments: [
        ("a(b", 1), ("a)", 1), ("[a", 0), ("a**", 2), ("*a", 0), ("a{2", 1), ("a{x}", 1), ("a{3,2}", 1), ("a{999}", 1),
        ("\\1", 0),
        ("\\b", 0), ("(?=a)", 2), ("[z-a]", 2), ("a\\", 1), ("[^ö]", 0), ("[\u{400}-\u{800}]", 0),
    ])
    func refuses(_ pattern: String, _ offset: Int) {
        let error = #expect(throws: PatternError.self) { try TextPattern(pattern) }
        #expect(error?.offset == offset)
    }

    /// The same answers as the expressions of the standard library, for patterns and texts made at random.
    @Test(arguments: 0..<300)
    func agreesWithTheStandardLibrary(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let pieces = ["a", "b", "c", "[ab]", "[^a]", ".", "(a|bc)", "(?:b)", "\\w", "\\d"]
        let repeats = ["", "", "", "*", "+", "?", "{1,2}"]
        var pattern = ["", "^"].randomElement(using: &random)!
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            pattern += pieces.randomElement(using: &random)! + repeats.randomElement(using: &random)!
        }
        pattern += ["", "$"].randomElement(using: &random)!
        let mine = try TextPattern(pattern)
        let theirs = try Regex(pattern)
        for _ in 0..<20 {
            let text = String(
                (0..<Int.random(in: 0...8, using: &random)).map { _ in "abc1 ".randomElement(using: &random)! })
            #expect(mine.isFound(in: text) == (text.firstMatch(of: theirs) != nil), "\(pattern) in \(text)")
        }
    }

    @Test func expressionsThatWouldRunLongAreFoundAtOnceOrRefused() throws {
        // Exponential for engines that try one way after the other.
        let text = String(repeating: "a", count: 50_000) + "!"
        #expect(try !TextPattern("^(a+)+$").isFound(in: text))
        #expect(try !TextPattern("^(a|aa)*$").isFound(in: text))
        #expect(throws: PatternError.self) { try TextPattern("(a|b)*a(a|b){30}") }
        #expect(throws: PatternError.self) { try TextPattern("((a{99}){99}){99}") }
    }
}

/// The same numbers for the same seed, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
