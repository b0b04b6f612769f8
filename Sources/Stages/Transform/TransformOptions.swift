package import MiddlewareKit
import Webhooks

/// The `with` block of `transform`.
package struct TransformOptions: OptionGroup {
    package var message = ""
    package var reply = ""
    package var skipCommands = true

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "message", \.message, help: "A Mustache template for messages; they stay as they are when it is empty.",
            example: "\"{{user}} asks: {{text}}\"",
            check: { $0.isEmpty ? nil : TextTemplate.problem(of: $0) }),
        Option(
            "reply", \.reply,
            help: """
                A Mustache template for replies, with `{{text}}` in it once and outside of sections; they stay as they are when \
                it is empty.
                """,
            example: "\"{{text}}\\n\\n({{agent}})\"",
            check: { $0.isEmpty ? nil : ReplyTemplate.problem(of: $0) }),
        Option(
            "skip-commands", \.skipCommands,
            help: "Whether messages that begin with a slash, such as /new, stay as they are."),
    ]

    var paths: StagePaths { StagePaths(inbound: message.isEmpty ? [] : [.chat], replyText: !reply.isEmpty) }
}

/// Makes transform stages.
package enum TransformPlugin: MiddlewarePlugin {
    package static let kind = "transform"
    package static let summary = "Writes messages and replies anew, by Mustache templates."
    package static let defaultTimeout: Duration? = nil

    package static func handles(_ options: TransformOptions) -> StagePaths? { options.paths }

    package static func validate(_ options: TransformOptions, in environment: StageEnvironment) -> [OptionProblem] {
        if options.message.isEmpty, options.reply.isEmpty {
            return [OptionProblem(message: "`message` or `reply` must be a template")]
        }
        return [("message", options.message), ("reply", options.reply)].compactMap { key, template in
            guard let unknown = templateNames(in: template).first(where: { !Transform.values.contains($0) }) else {
                return nil
            }
            // The name itself may have come from the environment.
            let hint = nearestWord(to: unknown, in: Transform.values).map { "did you mean {{\($0)}}?" }
            return OptionProblem(
                key: key, message: "names a value that there is not",
                hint: hint ?? "known are \(Transform.values.joined(separator: ", "))")
        }
    }

    package static func advise(_ options: TransformOptions, at place: ChainPlace) -> [OptionProblem] {
        guard !options.message.isEmpty, !templateNames(in: options.message).contains("text") else { return [] }
        return [
            OptionProblem(
                key: "message", message: "has no {{text}}, so what was written gets lost",
                hint: "put {{text}} where the words of the message belong")
        ]
    }

    package static func provision(_ options: TransformOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        Transform(
            message: options.message.isEmpty ? nil : try TextTemplate(options.message),
            reply: options.reply.isEmpty ? nil : try ReplyTemplate(options.reply), time: context.time,
            skipsCommands: options.skipCommands, handles: options.paths)
    }
}
