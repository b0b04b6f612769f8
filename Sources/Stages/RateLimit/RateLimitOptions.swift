package import MiddlewareKit

/// The `with` block of `rate-limit`.
package struct RateLimitOptions: OptionGroup {
    package var limits = [RateLimitRule(key: [.user], requests: 60, per: .seconds(60), burst: 20)]
    package var kinds = [MessageKind.chat]
    package var maxKeys = 100_000

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "limits", \.limits, help: "The limits, all of which a message must keep.",
            example: "[ { key: [user], requests: 30, per: 1m, burst: 10 } ]",
            check: { $0.isEmpty ? "must hold at least one limit" : nil }),
        Option(
            "kinds", \.kinds, help: "The kinds of message that are counted.", example: "[chat, abort]",
            check: { $0.isEmpty ? "must name at least one kind of message" : nil }),
        Option(
            "max-keys", \.maxKeys, help: "How many users, addresses and so on each limit remembers.",
            range: 100...10_000_000),
    ]

    var paths: StagePaths { StagePaths(inbound: Set(kinds)) }
}

/// One limit: so many messages in so much time for each user, address and so on.
package struct RateLimitRule: OptionGroup, Hashable {
    /// What a message is counted by.
    package enum KeyPart: String, OptionChoice { case user, ip, connection, session, gateway }

    package var key: [KeyPart] = []
    package var requests = 0
    package var per = Duration.zero
    /// Nil: as many as `requests`.
    package var burst: Int?

    package init() {}

    package init(key: [KeyPart], requests: Int, per: Duration, burst: Int? = nil) {
        (self.key, self.requests, self.per, self.burst) = (key, requests, per, burst)
    }

    package static let options: [Option<Self>] = [
        Option(
            "key", \.key, help: "What messages are counted by; several words count each combination.",
            example: "[user]", isRequired: true,
            check: { $0.isEmpty ? "must name at least one of user, ip, connection, session, gateway" : nil }),
        Option(
            "requests", \.requests, help: "How many messages.", example: "30", isRequired: true, range: countRange),
        Option(
            "per", \.per, help: "In how much time.", example: "1m", isRequired: true,
            range: .milliseconds(1) ... .seconds(31_536_000)),
        Option(
            "burst", \.burst, help: "How many may come at once; as many as `requests` when not set.", example: "10",
            check: { burst in
                guard let burst, !countRange.contains(burst) else { return nil }
                return "must be in the range \(countRange.lowerBound) to \(countRange.upperBound)"
            }),
    ]

    /// Within it no duration overflows: the longest time to fill a bucket is 10^9 years.
    private static let countRange = 1...1_000_000_000
}

/// Makes rate-limit stages.
package enum RateLimitPlugin: MiddlewarePlugin {
    package static let kind = "rate-limit"
    package static let summary = "Token buckets by user, address, connection, session or gateway."
    package static let defaultOnError = FailurePolicy.closed
    /// It guards the gateways.
    package static let mayFailOpen = false
    /// It waits for nothing.
    package static let defaultTimeout: Duration? = nil
    package static let isQuick = true

    package static func handles(_ options: RateLimitOptions) -> StagePaths? { options.paths }

    package static func advise(_ options: RateLimitOptions, at place: ChainPlace) -> [OptionProblem] {
        var advice: [OptionProblem] = []
        if place.below.contains(AuthPlugin.kind), options.limits.contains(where: { $0.key.contains(.user) }) {
            advice.append(
                OptionProblem(
                    key: "limits",
                    message: "it counts by `user`, but stands above `auth`, which says who the user is",
                    hint: "move it below `auth`, or count by `ip`"))
        }
        if options.kinds.contains(.chat) { advice += place.adviceOnStoredMessages(of: kind) }
        return advice
    }

    package static func provision(_ options: RateLimitOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        RateLimit(options, time: context.time)
    }
}

extension ChainPlace {
    /// For a stage that turns messages away: those that it does must not be stored before.
    func adviceOnStoredMessages(of kind: String) -> [OptionProblem] {
        guard above.contains(PersistPlugin.kind) else { return [] }
        return [
            OptionProblem(
                message: "`\(kind)` stands below `persist`, so messages that it turns away are stored all the same",
                hint: "move `\(kind)` above `persist`")
        ]
    }
}
