package import MiddlewareKit
package import Webhooks

/// The `with` block of `http`.
package struct HTTPOptions: OptionGroup {
    package var url: HTTPAddress?
    package var inbound: [MessageKind] = [.chat]
    package var outbound: [EventKind] = []
    package var reply = false
    package var secrets = SigningSecrets()
    package var headers: [String: Secret] = [:]
    package var answerTimeout = Duration.seconds(5)
    package var retries = 1
    package var maxWaiting = 1000
    package var allowPrivate: [IPNetwork] = []
    package var ports = [80, 443]

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "url", \.url,
            help: "The address that is called with POST. It is never shown whole, as its path often is a secret.",
            example: "\"https://example.com/moderate\"",
            isRequired: true),
        Option("inbound", \.inbound, help: "The kinds of messages from browsers that are asked about."),
        Option(
            "outbound", \.outbound, help: "The kinds of events from gateways that are asked about.", example: "[final]"),
        Option("reply", \.reply, help: "Whether the text of replies is rewritten, piece by piece."),
        Option(
            "secret", \.secrets,
            help: """
                What the calls are signed with (Standard Webhooks), `whsec_` and 24 to 64 bytes in base64: one, or two while \
                you change it.
                """,
            example: "\"${HOOK_SECRET}\""),
        Option(
            "headers", \.headers, help: "Headers that the calls carry besides.",
            example: "{ Authorization: \"Bearer ${TOKEN}\" }", check: CallHeaders.problem),
        Option(
            "answer-timeout", \.answerTimeout, help: "How long an answer may take.",
            range: .milliseconds(10) ... .seconds(600)),
        Option(
            "retries", \.retries, help: "How often a call is made again that certainly was not worked on.",
            range: 0...10),
        Option(
            "max-waiting", \.maxWaiting, help: "How many messages may wait for answers; more of them fail.",
            range: 1...100_000),
        Option(
            "allow-private", \.allowPrivate, help: "Networks that may be called although they are not public.",
            example: "[10.0.0.0/8]"),
        Option(
            "ports", \.ports, help: "The ports that may be called.", example: "[443, 8443]",
            check: { ports in
                ports.isEmpty || !ports.allSatisfy { (1...65_535).contains($0) } ? "must hold numbers of ports" : nil
            }),
    ]

    var paths: StagePaths {
        StagePaths(inbound: Set(inbound), outbound: Set(outbound), replyText: reply)
    }

    var rules: AddressRules { AddressRules(allowed: allowPrivate, ports: ports) }
}

/// Makes http stages.
package enum HTTPPlugin: MiddlewarePlugin {
    package static let kind = "http"
    package static let summary = "Asks a server what becomes of messages: pass, replace, reject or annotate."
    /// It bounds itself.
    package static let defaultTimeout: Duration? = nil

    package static func handles(_ options: HTTPOptions) -> StagePaths? { options.paths }

    package static func validate(_ options: HTTPOptions, in environment: StageEnvironment) -> [OptionProblem] {
        var problems: [OptionProblem] = []
        if let problem = options.url.flatMap(options.rules.problem) {
            problems.append(OptionProblem(key: "url", message: problem))
        }
        if options.inbound.isEmpty, options.outbound.isEmpty, !options.reply {
            problems.append(OptionProblem(message: "asks about nothing", hint: "set `inbound`, `outbound` or `reply`"))
        }
        return problems
    }

    package static func provision(_ options: HTTPOptions, in context: ProvisionContext) async throws -> any Middleware {
        guard let url = options.url else { throw CallOutProblem("`url` is missing") }
        return CallOutStage(
            outside: HTTPCallOut(
                url: url, options: options, stage: context.stageName, http: context.http, time: context.time,
                logger: context.logger),
            handles: options.paths)
    }
}
