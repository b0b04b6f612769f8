package import MiddlewareKit

/// The `with` block of `persist`.
package struct PersistOptions: OptionGroup {
    /// What to do with the parts of answers that are no text.
    package enum Blocks: String, OptionChoice { case keep, drop }

    package var blocks = Blocks.keep

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "blocks", \.blocks,
            help:
                "Whether parts of answers that are no text (tool calls, images) are kept. Browsers get them in any case."
        )
    ]
}

/// Makes persist stages.
package enum PersistPlugin: MiddlewarePlugin {
    package static let kind = "persist"
    package static let summary = "Keeps messages in SQLite: yours before it is forwarded, the answer before you see it."
    package static let defaultOnError = FailurePolicy.closed
    /// What is shown is stored: a message that cannot be stored goes no further.
    package static let mayFailOpen = false
    /// The store bounds itself.
    package static let defaultTimeout: Duration? = nil
    package static let isQuick = true

    package static func handles(_ options: PersistOptions) -> StagePaths? { Persist.paths }

    package static func advise(_ options: PersistOptions, at place: ChainPlace) -> [OptionProblem] {
        if place.isShadow {
            return [OptionProblem(message: "`persist` in shadow keeps nothing", hint: "leave `mode` out")]
        }
        var advice: [OptionProblem] = []
        if place.below.contains(AuthPlugin.kind) {
            advice.append(
                OptionProblem(
                    message: "`persist` stands above `auth`, so messages of strangers are stored",
                    hint: "move `persist` below `auth`"))
        }
        for (kind, hidden) in hiding where place.below.contains(kind) {
            advice.append(
                OptionProblem(
                    message: "`persist` stands above `\(kind)`, so \(hidden) is stored all the same",
                    hint: "move `persist` below `\(kind)`"))
        }
        return advice
    }

    /// Stages that keep something from everybody below them, and what.
    static let hiding = [
        (kind: ThinkingStripPlugin.kind, hidden: "the agent's thinking"),
        (kind: RedactPlugin.kind, hidden: "what that hides"), (kind: FilterPlugin.kind, hidden: "what that takes away"),
    ]

    package static func provision(_ options: PersistOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        Persist(store: context.messages, keepsBlocks: options.blocks == .keep, time: context.time)
    }
}
