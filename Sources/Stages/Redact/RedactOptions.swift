package import MiddlewareKit

/// The `with` block of `redact`.
package struct RedactOptions: OptionGroup {
    /// What the stage knows to find.
    package enum Value: String, OptionChoice { case email, card, key, phone }

    package enum Mode: String, OptionChoice {
        /// The gateway gets placeholders, and the browser gets the values back in the reply.
        case reversible
        /// The values are gone for everybody below the stage, in messages and in replies.
        case oneWay = "one-way"
    }

    package var values: [Value] = Value.allCases
    package var patterns: [String: SearchPattern] = [:]
    package var mode = Mode.reversible
    package var maxSessions = 10_000

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "values", \.values,
            help: "What to look for: e-mail addresses, card numbers, keys and tokens, phone numbers."),
        Option(
            "patterns", \.patterns, help: "Regular expressions to look for, each with a name for its placeholder.",
            example: "{ employee: '\\bE\\d{6}\\b' }",
            check: { patterns in
                patterns.keys.allSatisfy(PrivateValues.isName)
                    ? nil : "must have names of up to 20 letters, digits and hyphens"
            }),
        Option(
            "mode", \.mode,
            help: "reversible: the gateway gets placeholders, and browsers the values. one-way: nobody gets the values."
        ),
        Option(
            "max-sessions", \.maxSessions,
            help: "How many sessions' values are remembered for `reversible`; those used least lately are forgotten.",
            range: 1...1_000_000),
    ]
}

/// Makes redact stages.
package enum RedactPlugin: MiddlewarePlugin {
    package static let kind = "redact"
    package static let summary =
        "Hides e-mail addresses, card numbers, keys and phone numbers from gateways and storage."
    /// Passing text on as it came would show what the stage is there to hide.
    package static let mayFailOpen = false
    /// It waits for nothing.
    package static let defaultTimeout: Duration? = nil

    /// All that holds text, on both ways.
    static let paths = StagePaths(inbound: [.chat], outbound: [.final, .aborted, .error, .message], replyText: true)

    package static func handles(_ options: RedactOptions) -> StagePaths? { paths }

    package static func validate(_ options: RedactOptions, in environment: StageEnvironment) -> [OptionProblem] {
        if options.values.isEmpty, options.patterns.isEmpty {
            return [OptionProblem(message: "`values` or `patterns` must say what to look for")]
        }
        do throws(PatternProblem) {
            _ = try PrivateValues(options)
            return []
        } catch {
            return [OptionProblem(key: "patterns", message: "together \(error.words)")]
        }
    }

    package static func provision(_ options: RedactOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        let values = try PrivateValues(options)
        switch options.mode {
        case .reversible:
            return ReversibleRedact(
                values: values, table: PlaceholderTable(capacity: options.maxSessions, time: context.time))
        case .oneWay: return OneWayRedact(values: values)
        }
    }
}
