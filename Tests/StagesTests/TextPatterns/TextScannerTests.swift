import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct TextScannerTests {
    /// `<`, `>` and the number of the rule around each find; what is outside stays.
    private func marked(_ pieces: [String], _ automaton: Automaton, maxHold: Int = 1000) -> String {
        var scanner = TextScanner(automaton, maxHold: maxHold)
        var text = String.UnicodeScalarView()
        var isInside = false
        func add(_ piece: TextScanner.Piece) {
            switch piece {
            case .plain(let scalars):
                if isInside { text.append(contentsOf: ">".unicodeScalars) }
                isInside = false
                text.append(contentsOf: scalars)
            case .find(let rule):
                text.append(contentsOf: ((isInside ? ">" : "") + "<\(rule):").unicodeScalars)
                isInside = true
            case .found(let scalars): text.append(contentsOf: scalars)
            }
        }
        for piece in pieces { scanner.feed(piece[...], to: add) }
        scanner.finish(to: add)
        return String(text) + (isInside ? ">" : "")
    }

    private func automaton(_ patterns: [String], words: [String] = []) throws -> Automaton {
        var builder = Automaton.Builder()
        for (rule, pattern) in patterns.enumerated() {
            try builder.add(PatternParser.parse(pattern, ignoresCase: true), rule: rule)
        }
        if !words.isEmpty { try builder.add(words: words, ignoresCase: true, areWhole: true, rule: patterns.count) }
        return Automaton(builder)
    }

    @Test(arguments: [
        (["a"], "banana", "b<0:a>n<0:a>n<0:a>"), (["a+"], "baaa b", "b<0:aaa> b"),
        (["ana"], "banana", "b<0:anana>"), (["ab", "bc"], "abc", "<0:abc>"), (["bc", "abcd"], "abcd", "<1:abcd>"),
        (["\\bcat\\b"], "cat concat cat's", "<0:cat> concat <0:cat>'s"),
        (["^#.*$"], "a #b\n#c d\ne", "a #b\n<0:#c d>\ne"),
        (["\\d{3,5}"], "12 123 123456", "12 <0:123> <0:123456>"), (["É"], "café CAFÉ", "caf<0:é> CAF<0:É>"),
        (["[^a-z ]+"], "ab É! c", "ab <0:É!> c"), (["(a|ab)(c|bcd)"], "abcd", "<0:abcd>"),
        (["x.y"], "x\ny x-y", "x\ny <0:x-y>"),
    ])
    func everythingThatMatchesIsFound(patterns: [String], text: String, expected: String) throws {
        let automaton = try automaton(patterns)
        for pieces in DeltaSplitter.splits(of: text) { #expect(marked(pieces, automaton) == expected) }
    }

    @Test func wordsAreFoundInAnySpelling() throws {
        let automaton = try automaton([], words: ["café", "top shelf", "C++"])
        #expect(marked(["Cafe\u{301}, CAFÉ, cafés, cafe"], automaton) == "<0:Cafe\u{301}>, <0:CAFÉ>, cafés, cafe")
        #expect(marked(["a top shelf; topshelf, c++!"], automaton) == "a <0:top shelf>; topshelf, <0:c++>!")
    }

    @Test(arguments: [
        "ab", "a+b?", "(a|b)a", "a.b", "[ab]{2}c", "\\bab", "b\\b", "a(b|c)*c", "(?:ab|b)+", "c{2,3}", "\\Ba",
    ])
    func findsAreAllThatMatches(pattern: String) throws {
        let syntax = try PatternParser.parse(pattern, ignoresCase: true)
        let automaton = try automaton([pattern])
        let letters = Array("abc ")
        for number in 0..<200 {
            let text = String((0..<(number % 10)).map { place in letters[(number * 31 + place * place * 7) % 4] })
            let expected = Reference.marked(text, syntax)
            for pieces in DeltaSplitter.splits(of: text) where pieces.count % 3 != 2 {
                #expect(marked(pieces, automaton) == expected, "\(pieces)")
            }
        }
    }

    /// The machine that is told to hold little finds all short matches, and the end of long ones.
    @Test func whatIsHeldIsBounded() throws {
        let automaton = try automaton(["a.*b"])
        let dashes = String(repeating: "-", count: 30)
        #expect(
            marked(["a12b a", dashes, "b"], automaton, maxHold: 8)
                == "<0:a12b> a" + dashes.dropLast(7) + "<0:-------b>")
        var scanner = TextScanner(automaton, maxHold: 8)
        var shown = 0
        scanner.feed("a" + String(repeating: "-", count: 1000)[...]) { piece in
            if case .plain(let scalars) = piece { shown += scalars.count }
        }
        #expect(shown == 1001 - 8)
    }

    /// A secret that is a match already is not held any more: the rest of it goes as it comes.
    @Test func whatIsFoundAlreadyIsNotHeld() throws {
        var scanner = TextScanner(try automaton(["key-\\w{4,}"]), maxHold: 1000)
        var hidden = 0
        scanner.feed("key-" + String(repeating: "x", count: 5000)[...]) { piece in
            if case .found(let scalars) = piece { hidden += scalars.count }
        }
        #expect(hidden == 5003)
    }

    /// Texts on which backtracking engines, and machines that start again behind each match, take forever.
    @Test(arguments: ["(a+)+b", "a.*b", "(a|a)*c", "a{1,50}a{50}b", "(x|.*y)z"])
    func longTextsTakeTheirLengthOnly(pattern: String) throws {
        let automaton = try automaton([pattern, "a"])
        let text = String(repeating: "a", count: 20_000)
        #expect(marked([text], automaton, maxHold: .max).count > 20_000)
    }
}

/// What matches, found by trying every way for every part of the text.
private enum Reference {
    static func marked(_ text: String, _ syntax: PatternSyntax) -> String {
        let scalars = Array(text.unicodeScalars)
        var finds: [(start: Int, end: Int)] = []
        for start in scalars.indices {
            for end in ends(of: syntax, in: scalars, from: start) where end > start {
                if let last = finds.last, last.end > start {
                    finds[finds.count - 1].end = max(last.end, end)
                } else {
                    finds.append((start, end))
                }
            }
        }
        var (result, place) = ("", 0)
        func part(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(scalars[range])) }
        for find in finds {
            result += part(place..<find.start) + "<0:" + part(find.start..<find.end) + ">"
            place = find.end
        }
        return result + part(place..<scalars.count)
    }

    private static func ends(of syntax: PatternSyntax, in text: [Unicode.Scalar], from start: Int) -> Set<Int> {
        switch syntax {
        case .scalar(let set): return start < text.count && set.contains(text[start]) ? [start + 1] : []
        case .boundary(let boundary):
            let holds = boundary.holds(
                between: start > 0 ? text[start - 1] : nil, and: start < text.count ? text[start] : nil)
            return holds ? [start] : []
        case .anyOf(let choices): return choices.reduce(into: []) { $0.formUnion(ends(of: $1, in: text, from: start)) }
        case .sequence(let parts):
            return parts.reduce([start]) { starts, part in
                starts.reduce(into: []) { $0.formUnion(ends(of: part, in: text, from: $1)) }
            }
        case .repeated(let part, let min, let max):
            var (reached, current): (Set<Int>, Set<Int>) = (min == 0 ? [start] : [], [start])
            for count in 1...Swift.max(1, max ?? text.count + min) where !current.isEmpty {
                current = current.reduce(into: []) { $0.formUnion(ends(of: part, in: text, from: $1)) }
                if count >= min { reached.formUnion(current) }
            }
            return reached
        }
    }
}
