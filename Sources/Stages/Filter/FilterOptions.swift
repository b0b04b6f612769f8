package import MiddlewareKit

/// The `with` block of `filter`.
package struct FilterOptions: OptionGroup {
    package enum Action: String, OptionChoice {
        /// What was found is replaced.
        case replace
        /// The message is refused; a reply is withheld.
        case block
    }

    package enum Direction: String, OptionChoice { case inbound, outbound }

    package var words: [String] = []
    package var patterns: [SearchPattern] = []
    package var ignoreCase = true
    package var wholeWords = true
    package var action = Action.replace
    package var replacement = "***"
    package var message = "This message holds something that is not allowed here."
    package var directions: [Direction] = [.inbound, .outbound]
    package var maxLength = 1000

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "words", \.words, help: "Words, or several words together, to look for.",
            example: "[secret, \"top shelf\"]",
            check: { $0.allSatisfy { !$0.isEmpty } ? nil : "must not hold an empty word" }),
        Option("patterns", \.patterns, help: "Regular expressions to look for.", example: "['E\\d{6}']"),
        Option("ignore-case", \.ignoreCase, help: "Whether upper and lower case are the same."),
        Option("whole-words", \.wholeWords, help: "Whether a word counts only where it is not part of a longer one."),
        Option(
            "action", \.action,
            help: "replace: what was found is replaced. block: the message is refused, the reply is withheld."),
        Option("replacement", \.replacement, help: "What stands in the place of what was found."),
        Option("message", \.message, help: "What a person is told whose message is refused, or in place of the reply."),
        Option(
            "directions", \.directions, help: "Which way: inbound are messages, outbound are replies.",
            check: { $0.isEmpty ? "must name a direction" : nil }),
        Option(
            "max-length", \.maxLength,
            help: "The longest that can be found in a reply, in characters; of what is longer, its end is.",
            range: 10...100_000),
    ]

    var paths: StagePaths {
        let (isIn, isOut) = (directions.contains(.inbound), directions.contains(.outbound))
        return StagePaths(
            inbound: isIn ? [.chat] : [], outbound: isOut ? [.final, .aborted, .error, .message] : [], replyText: isOut)
    }

    /// - Throws: ``PatternProblem`` for a pattern that cannot be used.
    func automaton() throws(PatternProblem) -> Automaton {
        var builder = Automaton.Builder()
        for pattern in patterns { try builder.add(PatternParser.parse(pattern.text, ignoresCase: ignoreCase), rule: 0) }
        if !words.isEmpty { try builder.add(words: words, ignoresCase: ignoreCase, areWhole: wholeWords, rule: 0) }
        return Automaton(builder)
    }
}

/// Makes filter stages.
package enum FilterPlugin: MiddlewarePlugin {
    package static let kind = "filter"
    package static let summary = "Replaces or blocks words and regular expressions, in messages and in replies."
    /// Passing text on as it came would show what the stage is there to hide.
    package static let mayFailOpen = false
    /// It waits for nothing.
    package static let defaultTimeout: Duration? = nil

    package static func handles(_ options: FilterOptions) -> StagePaths? { options.paths }

    package static func validate(_ options: FilterOptions, in environment: StageEnvironment) -> [OptionProblem] {
        if options.words.isEmpty, options.patterns.isEmpty {
            return [OptionProblem(message: "`words` or `patterns` must say what to look for")]
        }
        do throws(PatternProblem) {
            _ = try options.automaton()
            return []
        } catch {
            return [OptionProblem(message: "what to look for \(error.words)")]
        }
    }

    package static func provision(_ options: FilterOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        try Filter(options)
    }
}
