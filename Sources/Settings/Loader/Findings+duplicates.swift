import MiddlewareKit

extension Findings {
    /// Reports each word that stands in the list a second time.
    mutating func reportDuplicates(_ words: [Located<String>], what: String, hint: String) {
        var first: [String: SourcePosition] = [:]
        for word in words {
            if let place = first[word.value] {
                let words = "\(what) \(word.shown); the first one is \(place.words(from: word.position))"
                error(at: word.position, words, hint: hint)
            } else {
                first[word.value] = word.position
            }
        }
    }
}
