package import MiddlewareKit

/// The `with` block of `prompt`.
package struct PromptOptions: OptionGroup {
    package var before = ""
    package var after = ""
    package var separator = "\n\n"
    package var skipCommands = true

    package init() {}

    package static let options: [Option<Self>] = [
        Option("before", \.before, help: "What stands before each message.", example: "Answer in Spanish."),
        Option("after", \.after, help: "What stands after each message.", example: "Keep it short."),
        Option("separator", \.separator, help: "What stands between them and the message."),
        Option(
            "skip-commands", \.skipCommands,
            help: "Whether messages that begin with a slash, such as /new, stay as they are."),
    ]
}

/// Makes prompt stages.
package enum PromptPlugin: MiddlewarePlugin {
    package static let kind = "prompt"
    package static let summary = "Puts text before or after each message."
    package static let defaultTimeout: Duration? = nil
    package static let isQuick = true

    package static func handles(_ options: PromptOptions) -> StagePaths? { Prompt.paths }

    package static func validate(_ options: PromptOptions, in environment: StageEnvironment) -> [OptionProblem] {
        options.before.isEmpty && options.after.isEmpty
            ? [OptionProblem(message: "`before` or `after` must say what to add")] : []
    }

    package static func advise(_ options: PromptOptions, at place: ChainPlace) -> [OptionProblem] {
        [("before", options.before), ("after", options.after)].filter { $1.contains("{{") }.map { key, _ in
            OptionProblem(
                key: key, message: "`prompt` fills in nothing: the agent reads the braces as they stand here",
                hint: "`transform` takes templates")
        }
    }

    package static func provision(_ options: PromptOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        Prompt(options: options)
    }
}
