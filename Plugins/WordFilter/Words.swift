/// The words that a filter looks for: whole words, in any case.
struct Words: Sendable {
    private let words: Set<String>
    /// No word that is being looked for has more Unicode scalars than this, however it is spelled: a letter with its marks
    /// takes up to four.
    let longest: Int

    init(_ words: [String]) {
        self.words = Set(words.map { $0.lowercased() })
        longest = 4 * (self.words.map(\.unicodeScalars.count).max() ?? 0)
    }

    func contains(_ word: String) -> Bool { words.contains(word.lowercased()) }

    /// The first word of a text that is being looked for.
    func first(in text: String) -> String? {
        text.unicodeScalars.split { !Self.isPartOfWord($0) }.lazy.map { String($0) }.first(where: contains)
    }

    /// Words are made of letters, their marks, and digits.
    static func isPartOfWord(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        return properties.isAlphabetic || properties.numericType != nil
            || properties.canonicalCombiningClass != .notReordered
    }
}
