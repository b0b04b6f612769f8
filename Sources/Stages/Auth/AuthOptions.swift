package import MiddlewareKit

/// The `with` block of `auth`.
package struct AuthOptions: OptionGroup {
    /// How to find out who a message is from.
    package enum Mode: String, OptionChoice {
        /// Nobody is asked for a name.
        case none
        /// Everybody shows an access key.
        case apiKeys = "api-keys"
    }

    package var mode = Mode.none
    package var allowAnonymous = false
    /// Users by the name of their group.
    package var groups: [String: [String]] = [:]

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "mode", \.mode, help: "Who gets in: with `none` everybody, with `api-keys` the owners of access keys.",
            example: "api-keys", isRequired: true),
        Option(
            "allow-anonymous", \.allowAnonymous,
            help: "Allows `mode: none` although other machines can reach the server."),
        Option(
            "groups", \.groups, help: "The users of each group, for conditions such as `staff in groups`.",
            example: "{ staff: [ada, bob] }"),
    ]
}

extension AuthOptions {
    /// The groups by the name of the user.
    var groupsOfUsers: [String: Set<String>] {
        groups.reduce(into: [:]) { result, group in
            for user in group.value { result[user, default: []].insert(group.key) }
        }
    }
}

/// Makes auth stages.
package enum AuthPlugin: MiddlewarePlugin {
    package static let kind = "auth"
    package static let summary = "Says who a message is from: nobody in particular, or the owner of an access key."
    package static let defaultOnError = FailurePolicy.closed
    /// A key that could not be looked up lets nobody in.
    package static let mayFailOpen = false
    /// It waits for nothing but the key store, which bounds itself.
    package static let defaultTimeout: Duration? = nil
    package static let isQuick = true

    /// Everything that a browser sends.
    static let paths = StagePaths(inbound: Set(MessageKind.allCases))

    package static func handles(_ options: AuthOptions) -> StagePaths? { paths }

    package static func isGate(_ options: AuthOptions) -> Bool { options.mode != .none }

    package static func validate(_ options: AuthOptions, in environment: StageEnvironment) -> [OptionProblem] {
        guard options.mode == .none, environment.listensBeyondLoopback, !options.allowAnonymous else { return [] }
        let danger = "and nobody would be asked for a key"
        let message =
            if let address = environment.openUntilRestart {
                "the server listens on \(address) until it is restarted, where other machines can reach it, \(danger); restart "
                    + "it with these settings, or set `mode: api-keys`, or `allow-anonymous: true` if that is meant"
            } else {
                "other machines can reach the server, \(danger); set `mode: api-keys`, or `server.host: 127.0.0.1`, or "
                    + "`allow-anonymous: true` if that is meant"
            }
        return [OptionProblem(key: "mode", message: message)]
    }

    package static func provision(_ options: AuthOptions, in context: ProvisionContext) async throws -> any Middleware {
        switch options.mode {
        case .none: AnonymousAuth()
        case .apiKeys: KeyAuth(keys: KeyCache(store: context.keys, time: context.time), groups: options.groupsOfUsers)
        }
    }
}
