import MiddlewareKit

/// Puts asterisks in the place of words while a reply streams in.
///
/// It goes from one Unicode scalar to the next and remembers only the word that it is in, so it makes no difference how a
/// reply is cut into pieces. What it keeps back is the beginning of a word, for as long as it is short enough to be one of
/// those that it looks for.
struct WordMask: ReplyTransform {
    private let words: Words
    /// The beginning of a word whose end has not come yet.
    private var word = String.UnicodeScalarView()
    /// The word that is passing is too long to be one of `words`.
    private var isTooLong = false

    init(_ words: Words) { self.words = words }

    mutating func feed(_ text: Substring) -> TextChange {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if !Words.isPartOfWord(scalar) {
                out += endWord()
                out.append(scalar)
            } else if isTooLong {
                out.append(scalar)
            } else {
                word.append(scalar)
                if word.count > words.longest {
                    isTooLong = true
                    out += word
                    word.removeAll()
                }
            }
        }
        return .append(String(out))
    }

    mutating func finish() -> TextChange { .append(String(endWord())) }

    /// What to show in the place of the word that has ended.
    private mutating func endWord() -> String.UnicodeScalarView {
        defer {
            word.removeAll()
            isTooLong = false
        }
        let text = String(word)
        return words.contains(text) ? String(repeating: "*", count: text.count).unicodeScalars : word
    }
}
