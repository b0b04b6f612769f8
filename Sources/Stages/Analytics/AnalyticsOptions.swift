import Analytics
package import MiddlewareKit

/// The `with` block of `analytics`.
package struct AnalyticsOptions: OptionGroup {
    package var users = true
    package var flushInterval = Duration.seconds(10)
    package var keepMinutes = Duration.seconds(7 * 86_400)
    package var keepHours = Duration.seconds(400 * 86_400)

    package init() {}

    package static let options: [Option<Self>] = [
        Option("users", \.users, help: "Whether figures are kept apart by user; if not, no name of a user is kept."),
        Option(
            "flush-interval", \.flushInterval,
            help: "How often what was counted is written to the database.", range: .seconds(1) ... .seconds(60)),
        Option(
            "keep-minutes", \.keepMinutes, help: "How long figures are kept for each minute.",
            range: .seconds(3600) ... .seconds(90 * 86_400)),
        Option(
            "keep-hours", \.keepHours,
            help: "How long figures are kept for each hour; not shorter than `keep-minutes`.",
            range: .seconds(86_400) ... .seconds(3650 * 86_400)),
    ]
}

/// Makes analytics stages.
package enum AnalyticsPlugin: MiddlewarePlugin {
    package static let kind = "analytics"
    package static let summary = "Counts messages, tokens, errors and times, by gateway, agent, model and user."
    /// Nobody wants to wait because something could not be counted.
    package static let defaultOnError = FailurePolicy.open
    /// It waits for nothing.
    package static let defaultTimeout: Duration? = nil
    package static let isQuick = true

    package static func validate(_ options: AnalyticsOptions, in environment: StageEnvironment) -> [OptionProblem] {
        guard options.keepHours < options.keepMinutes else { return [] }
        return [OptionProblem(key: "keep-hours", message: "must not be shorter than `keep-minutes`")]
    }

    package static func handles(_ options: AnalyticsOptions) -> StagePaths? { AnalyticsStage.paths }

    package static func advise(_ options: AnalyticsOptions, at place: ChainPlace) -> [OptionProblem] {
        var advice: [OptionProblem] = []
        if place.above.contains(kind) {
            advice.append(
                OptionProblem(
                    message:
                        "all stages of this kind count into the same figures, so what reaches two of them counts twice",
                    hint: "use `analytics` once in a chain"))
        }
        let gates = [AuthPlugin.kind, RateLimitPlugin.kind, QuotaPlugin.kind]
        if let gate = place.below.last(where: gates.contains) {
            advice.append(
                OptionProblem(
                    message: "messages that `\(gate)` turns away below are counted as if they were sent",
                    hint: "move `analytics` below `\(gate)`"))
        }
        return advice
    }

    package static func provision(_ options: AnalyticsOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        guard let recorder = context[AnalyticsRecorderSlot.self] else { throw NoRecorder() }
        return AnalyticsStage(options: options, recorder: recorder, time: context.time, logger: context.logger)
    }

    /// The server that makes the stage has nothing to count with.
    struct NoRecorder: Error, CustomStringConvertible {
        let description = "this server keeps no figures"
    }
}
