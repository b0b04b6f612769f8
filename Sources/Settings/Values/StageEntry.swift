package import MiddlewareKit

/// One entry of `pipeline:` of the configuration file: which stage, and how it takes part.
package struct StageEntry: OptionGroup {
    package enum Mode: String, OptionChoice {
        case enforce, shadow
    }

    /// The kind of the stage.
    package var use = Located("")
    package var givenName: Located<String>?
    /// The stage's own options, as its plugin will read them.
    package var with: StageOptionsNode?
    package var enabled = true
    package var when: Condition?
    package var mode = Mode.enforce
    package var timeout: Duration?
    package var onError: Located<FailurePolicy>?
    package var hold = HoldSettings()

    package init() {}

    package init(use: Located<String>, with: StageOptionsNode? = nil) {
        self.use = use
        self.with = with
    }

    /// The name of the instance; the kind when it has none of its own.
    package var name: String { locatedName.value }

    /// The name with the place that gives it.
    var locatedName: Located<String> { givenName ?? use }

    /// What runs when the file says nothing of a pipeline.
    package static var defaultPipeline: [StageEntry] {
        var findings = Findings()
        return defaultPipelineNodes(at: Located("").position).compactMap { read($0, findings: &findings) }
    }

    /// The default pipeline as if it stood in the file.
    /// - Parameter place: Where findings about it are to point.
    static func defaultPipelineNodes(at place: SourcePosition) -> [ConfigNode] {
        func mapping(_ pairs: (String, ConfigNode)...) -> ConfigNode {
            ConfigNode(position: place, content: .mapping(pairs.map { ($0.0, place, $0.1) }))
        }
        func word(_ text: String) -> ConfigNode { ConfigNode(position: place, content: .scalar(text, isPlain: true)) }
        return [mapping(("use", word("auth")), ("with", mapping(("mode", word("none")))))]
            + ["rate-limit", "thinking-strip", "persist"].map { mapping(("use", word($0))) }
    }

    package static let unknownHint: String? = "options of the stage itself stand below `with`"

    package static let options: [Option<Self>] = [
        Option(
            "use", \.use, help: "The kind of the stage, or the name of one of `stages`.", example: "persist",
            isRequired: true),
        Option(
            "name", \.givenName,
            help: "The name of this instance, needed when a kind is used twice; the kind when left out.",
            check: { $0.flatMap { Identifier.problem(of: $0.value) } }
        ),
        Option("with", \.with, help: "The options of the stage itself."),
        Option("enabled", \.enabled, help: "false leaves the stage out."),
        Option(
            "when", \.when,
            help: "A condition on the messages that the stage takes part in; all when left out. See above.",
            example: "kind == chat and gateway == home"),
        Option(
            "mode", \.mode,
            help:
                "enforce: the stage does its work. shadow: it runs beside the messages for its figures, and has no effect."
        ),
        Option(
            "timeout", \.timeout,
            help: "How long a call of the stage may take; a default of the kind when left out.",
            example: "5s",
            check: { $0 == .zero ? "must be longer than 0s" : nil }
        ),
        Option(
            "on-error", \.onError,
            help: "What becomes of a message when the stage fails. closed: it goes no further. open: it goes on.",
            example: "closed"
        ),
        Option(
            "hold", \.hold,
            help:
                "How much of a reply the stage may keep back while it streams, and how long a piece may take; beyond it the "
                + "stage has failed, see on-error."),
    ]
}

/// `hold:` of a stage entry.
package struct HoldSettings: OptionGroup {
    package var bytes: ByteSize = .kibibytes(256)
    package var time: Duration = .seconds(30)

    package init() {}

    package static let options: [Option<Self>] = [
        Option("bytes", \.bytes, help: "How much text may be kept back.", range: .kibibytes(1) ... .mebibytes(64)),
        Option(
            "time", \.time, help: "How long a stage may take that asks somebody about a piece of text.",
            range: .milliseconds(1) ... .seconds(600)),
    ]
}

/// The `with` block of a stage, kept as it stands until its kind is known.
package struct StageOptionsNode: OptionValue {
    package var node: ConfigNode

    package init(node: ConfigNode) { self.node = node }

    package static var optionType: OptionType { .group(name: "StageOptions", []) }

    package static func read(_ node: ConfigNode, findings: inout Findings) -> StageOptionsNode? {
        StageOptionsNode(node: node)
    }

    /// For the default pipeline only: what a file holds may be secret, and is not written again.
    package var optionText: String {
        guard case .mapping(let pairs) = node.content else { return "{}" }
        let texts = pairs.compactMap { pair in pair.value.scalar.map { "\(pair.key.optionText): \($0.optionText)" } }
        return "{ " + texts.joined(separator: ", ") + " }"
    }
}
