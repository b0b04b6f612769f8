package import MiddlewareKit

/// The `with` block of `cache`.
package struct CacheOptions: OptionGroup {
    package enum Scope: String, OptionChoice {
        /// A question is the same only in the same session.
        case session
        /// ... from the same user.
        case user
        /// ... from anybody.
        case everybody
    }

    package var scope = Scope.user
    package var maxAge = Duration.seconds(3600)
    package var maxEntries = 1000
    package var maxAnswer = ByteSize.kibibytes(64)

    package init() {}

    package static let options: [Option<Self>] = [
        Option("scope", \.scope, help: "Who shares answers: a session, a user's sessions, or everybody."),
        Option(
            "max-age", \.maxAge, help: "How long an answer is given again.",
            range: .seconds(1) ... .seconds(30 * 86_400)),
        Option(
            "max-entries", \.maxEntries,
            help: "How many answers are remembered; those given least lately are forgotten.", range: 1...1_000_000),
        Option(
            "max-answer", \.maxAnswer, help: "Longer questions or answers are not remembered.",
            range: .kibibytes(1) ... .mebibytes(16)),
    ]
}

/// Makes cache stages.
package enum CachePlugin: MiddlewarePlugin {
    package static let kind = "cache"
    package static let summary = "Gives the same answer to the same question, without asking the gateway again."
    package static let defaultOnError = FailurePolicy.open
    package static let defaultTimeout: Duration? = nil
    package static let isQuick = true

    package static func handles(_ options: CacheOptions) -> StagePaths? { Cache.paths }

    package static func advise(_ options: CacheOptions, at place: ChainPlace) -> [OptionProblem] {
        var advice: [OptionProblem] = []
        let question = place.when.narrowed(to: .inbound, "chat")
        let answer = place.when.narrowed(to: .outbound, "final")
        if question.constant == false || answer.constant == false {
            advice.append(
                OptionProblem(
                    message:
                        "its `when` leaves out \(question.constant == false ? "questions (chat)" : "answers (final)"), "
                        + "so no answer is ever given again",
                    hint: "`cache` needs both: leave direction and kind out of `when`"))
        } else if question.asksForText, answer.asksForText {
            advice.append(
                OptionProblem(
                    message:
                        "its `when` asks for the text, which is that of the answer when it comes to remembering one",
                    hint: "for the text of questions write: kind == final or text …"))
        }
        if options.scope == .user, place.below.contains("auth"), !place.above.contains("auth") {
            advice.append(
                OptionProblem(
                    message: "`cache` is above `auth`, so it does not know users, and all of them share their answers",
                    hint: "move it below `auth`"))
        }
        if place.below.contains(RoutePlugin.kind) {
            advice.append(
                OptionProblem(
                    message:
                        "`cache` is above `route`, so it does not know which gateway answers: who is sent to one gets the answer "
                        + "of another",
                    hint: "move `cache` below `route`"))
        }
        if let rewriter = place.rewritersAbove.last {
            advice.append(
                OptionProblem(
                    message:
                        "`cache` is below \(quote(rewriter)), which changes replies: an answer that is given again goes "
                        + "through it twice",
                    hint: "move `cache` above it"))
        }
        return advice
    }

    package static func provision(_ options: CacheOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        Cache(options: options, answers: AnswerTable(options), time: context.time)
    }
}
