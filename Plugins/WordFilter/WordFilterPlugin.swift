import MiddlewareKit

/// The `with` block of `word-filter`.
struct WordFilterOptions: OptionGroup {
    var words: [String] = []

    static let options: [Option<Self>] = [
        Option(
            "words", \.words, help: "The words to hide, in any case.", example: "[secret, internal]", isRequired: true,
            check: { $0.allSatisfy { Words.of($0) == [$0] } ? nil : "must be single words of letters and digits" })
    ]
}

enum WordFilterPlugin: MiddlewarePlugin {
    static let kind = "word-filter"
    static let summary = "Hides words in replies, and refuses messages that hold them."
    static let mayFailOpen = false

    static func provision(_ options: WordFilterOptions, in context: ProvisionContext) async throws -> any Middleware {
        WordFilter(words: Set(options.words.map { $0.lowercased() }))
    }
}
