import MiddlewareKit

/// The `with` block of `word-filter`.
struct WordFilterOptions: OptionGroup {
    var words: [String] = []

    static let options: [Option<Self>] = [
        Option(
            "words", \.words, help: "The words to hide, in any case.", example: "[secret, internal]", isRequired: true,
            check: { words in
                let areWords = words.allSatisfy { !$0.isEmpty && $0.unicodeScalars.allSatisfy(Words.isPartOfWord) }
                return areWords && !words.isEmpty ? nil : "must list single words of letters and digits"
            })
    ]
}

/// Makes word-filter stages.
enum WordFilterPlugin: MiddlewarePlugin {
    static let kind = "word-filter"
    static let summary = "Hides words in replies, and refuses messages that hold them."
    /// Passing a reply on as it came would show what the stage is there to hide.
    static let mayFailOpen = false
    /// It waits for nothing.
    static let defaultTimeout: Duration? = nil

    static func provision(_ options: WordFilterOptions, in context: ProvisionContext) async throws -> any Middleware {
        WordFilter(words: options.words)
    }
}
