package import MiddlewareKit

/// The `with` block of `rate-limit`.
package struct RateLimitOptions: OptionGroup {
    package var limits = [RateLimitRule()]
    package var kinds = [CountedKind.chat]
    package var maxKeys = 100_000

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "limits", \.limits, help: "The limits, all of which a message must keep.",
            example: "[ { key: [user], requests: 30, per: 1m, burst: 10 } ]",
            check: { $0.isEmpty ? "must hold at least one limit" : nil }),
        Option("kinds", \.kinds, help: "The kinds of message that are counted."),
        Option(
            "max-keys", \.maxKeys, help: "How many users, addresses and so on each limit remembers.",
            range: 100...10_000_000),
    ]
}

/// One limit: so many messages in so much time for each user, address and so on.
package struct RateLimitRule: OptionGroup, Hashable {
    package enum KeyPart: String, OptionChoice { case user, ip, connection, session, gateway }

    package var key = [KeyPart.user]
    package var requests = 60
    package var per = Duration.seconds(60)
    package var burst: Int?

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "key", \.key, help: "What messages are counted by; several words count each combination.",
            example: "[user]",
            check: { $0.isEmpty ? "must name at least one of user, ip, connection, session, gateway" : nil }),
        Option("requests", \.requests, help: "How many messages.", range: 1...1_000_000_000),
        Option("per", \.per, help: "In how much time.", range: .milliseconds(1) ... .seconds(31_536_000)),
        Option(
            "burst", \.burst, help: "How many may come at once; as many as `requests` when not set.", example: "10",
            check: { $0.map { $0 < 1 } == true ? "must be 1 or more" : nil }),
    ]
}

/// A ``MessageKind`` as an option.
package enum CountedKind: String, OptionChoice {
    case connect, chat, abort, history, subscribe, agents, models, sessions, gateways, manage

    var kind: MessageKind? { MessageKind(rawValue: rawValue) }
}

package enum RateLimitPlugin: MiddlewarePlugin {
    package static let kind = "rate-limit"
    package static let summary = "Token buckets by user, address, connection, session or gateway."
    /// It waits for nothing.
    package static let defaultTimeout: Duration? = nil

    package static func provision(_ options: RateLimitOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        RateLimit(options, time: context.time)
    }
}
