package import MiddlewareKit

/// One entry of `endpoints`: whom to tell of what, and how. The same for those that are added at run time.
package struct EndpointOptions: OptionGroup {
    package enum Ordering: String, OptionChoice { case session, none }

    package var givenName: String?
    package var url: HTTPAddress?
    package var events: [EventType] = [.messageReceived, .messageFinal, .messageAborted, .messageError]
    package var when: EndpointCondition?
    package var secrets = SigningSecrets()
    package var headers: [String: Secret] = [:]
    package var timeout: Duration = .seconds(10)
    /// Nil: as the stage has it.
    package var content: EventContent?
    package var template: BodyTemplate?
    package var ordering = Ordering.session
    package var concurrency = 4
    package var enabled = true

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "name", \.givenName,
            help: "What the endpoint is called in lists and the log; made from the address when left out.",
            example: "deploy-bot", check: { $0.flatMap(nameProblem) }),
        Option(
            "url", \.url,
            help: "The address that is called with POST. It is never shown whole, as its path often is a secret.",
            example: "\"https://example.com/hook\"",
            isRequired: true),
        Option(
            "events", \.events, help: "What the endpoint is told of.", example: "[message.final, message.error]",
            check: { $0.isEmpty ? "must name at least one event" : nil }),
        Option(
            "when", \.when,
            help: "Which events: all that are given must hold; `*` stands for any run of characters.",
            example: "{ agent: \"support-*\" }"),
        Option(
            "secret", \.secrets,
            help: """
                What the calls are signed with (Standard Webhooks), `whsec_` and 24 to 64 bytes in base64: one, or two while \
                you change it.
                """,
            example: "\"${HOOK_SECRET}\""),
        Option(
            "headers", \.headers, help: "Headers that the calls carry besides.",
            example: "{ Authorization: \"Bearer ${HOOK_TOKEN}\" }", check: CallHeaders.problem),
        Option(
            "timeout", \.timeout, help: "How long the endpoint may take to answer.",
            range: .milliseconds(100) ... .seconds(60)),
        Option(
            "content", \.content,
            help: "How much of a message the endpoint gets; as the stage's `content` when left out.", example: "none"),
        Option(
            "template", \.template,
            help: "A Mustache template that makes the body, for services with a form of their own. It must give JSON.",
            example: #"'{"text": "{{data.agent}}: {{data.message.text}}"}'"#),
        Option(
            "ordering", \.ordering,
            help: "session: the events of a session go out one after the other. none: as soon as they can."),
        Option("concurrency", \.concurrency, help: "How many calls may be under way at a time.", range: 1...64),
        Option("enabled", \.enabled, help: "false: the endpoint gets nothing, and what was left for it waits."),
    ]

    /// A name that is the same as long as the address is.
    package var name: String {
        if let givenName { return givenName }
        guard let url else { return "" }
        return "\(url.host.replacing(":", with: "-"))-\(url.fingerprint.prefix(8))"
    }

    /// Why the address may not be called, as far as that can be known without asking anybody for it.
    package func problem(under rules: AddressRules) -> String? {
        url.flatMap(rules.problem)
    }

    private static func nameProblem(_ name: String) -> String? {
        // These are no names in a path: clients leave them out of `/api/webhooks/endpoints/..`.
        if name == "." || name == ".." { return "must not be . or .." }
        let isRight =
            (1...100).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
                default: false
                }
            }
        return isRight ? nil : "must be 1 to 100 of the characters a-z, 0-9, -, _ and ."
    }
}
