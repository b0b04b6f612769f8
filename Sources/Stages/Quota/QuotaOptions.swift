package import MiddlewareKit

/// The `with` block of `quota`.
package struct QuotaOptions: OptionGroup {
    package var requests: Int?
    package var tokens: Int?
    package var per = Period.day

    /// How long an allowance is for. Days and months begin at midnight, UTC.
    package enum Period: String, OptionChoice { case hour, day, month }

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "requests", \.requests, help: "How many messages a user may send; 1 or more.", example: "200",
            check: { $0.map { $0 > 0 } ?? true ? nil : "must be 1 or more" }),
        Option(
            "tokens", \.tokens, help: "How many tokens a user's runs may use, as their gateway counts them; 1 or more.",
            example: "500000", check: { $0.map { $0 > 0 } ?? true ? nil : "must be 1 or more" }),
        Option(
            "per", \.per,
            help:
                "The time that the allowance is for. It begins anew at the full hour, at midnight or on the first, in UTC."
        ),
    ]

    var paths: StagePaths {
        StagePaths(inbound: [.chat], outbound: tokens == nil ? [] : [.final, .aborted, .error])
    }
}

/// Makes quota stages.
package enum QuotaPlugin: MiddlewarePlugin {
    package static let kind = "quota"
    package static let summary = "Gives each user a number of messages or tokens for a day."
    /// What cannot be counted does not pass, or a full disk would lift all limits.
    package static let mayFailOpen = false
    /// The store bounds itself.
    package static let defaultTimeout: Duration? = nil

    package static func validate(_ options: QuotaOptions, in environment: StageEnvironment) -> [OptionProblem] {
        options.requests == nil && options.tokens == nil
            ? [OptionProblem(message: "`requests` or `tokens` must say how much a user may have")] : []
    }

    package static func handles(_ options: QuotaOptions) -> StagePaths? { options.paths }

    package static func advise(_ options: QuotaOptions, at place: ChainPlace) -> [OptionProblem] {
        let stored = place.adviceOnStoredMessages(of: kind)
        guard place.below.contains(AuthPlugin.kind) else { return stored }
        return [
            OptionProblem(
                message: "it counts by user, but stands above `auth`, which says who the user is",
                hint: "move it below `auth`")
        ] + stored
    }

    package static func provision(_ options: QuotaOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        Quota(options: options, stage: context.stageName, store: context.state, time: context.time)
    }
}
