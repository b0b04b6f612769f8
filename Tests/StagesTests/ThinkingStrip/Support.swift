import MiddlewareKit

@testable import Stages

/// What a browser shows: the changes of a transform, applied.
struct Shown {
    var text = ""
    var replacements = 0

    mutating func apply(_ change: TextChange) {
        switch change {
        case .append(let more): text += more
        case .replace(let all):
            text = all
            replacements += 1
        }
    }
}

/// What is shown once the pieces were fed and the text has ended.
func stripped(_ pieces: [Substring], _ options: ThinkingStripOptions = ThinkingStripOptions()) -> String {
    var filter = ThinkingFilter(options)
    var shown = Shown()
    for piece in pieces { shown.apply(filter.feed(piece)) }
    shown.apply(filter.finish())
    return shown.text
}

func stripped(_ text: String, _ options: ThinkingStripOptions = ThinkingStripOptions()) -> String {
    stripped([text[...]], options)
}

/// What is shown after each piece, before the text has ended.
func shownSoFar(_ pieces: [Substring], _ options: ThinkingStripOptions = ThinkingStripOptions()) -> [String] {
    var filter = ThinkingFilter(options)
    var shown = Shown()
    return pieces.map { piece in
        shown.apply(filter.feed(piece))
        return shown.text
    }
}

extension String {
    /// The text cut after every Unicode scalar, also within what a person sees as one character.
    var scalars: [Substring] {
        unicodeScalars.indices.map { Substring(unicodeScalars[$0...$0]) }
    }

    /// The same bytes: `==` takes different spellings of a character for equal.
    func isIdentical(to other: String) -> Bool { utf8.elementsEqual(other.utf8) }

    /// Whether the bytes of a word stand anywhere in the text, also where a combining character follows them.
    func holds(_ word: String) -> Bool {
        let word = Array(word.utf8)
        let bytes = Array(utf8)
        return bytes.count >= word.count
            && (0...bytes.count - word.count).contains { bytes[$0] == word[0] && bytes[$0...].starts(with: word) }
    }
}

/// Random numbers that are the same in every run (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension ThinkingStripOptions {
    /// All combinations of what matters for text.
    static let allForText: [ThinkingStripOptions] = Mode.allCases.flatMap { mode in
        Trim.allCases.flatMap { trim in
            Scope.allCases.map { ThinkingStripOptions(mode: mode, trim: trim, scope: $0) }
        }
    }
}
