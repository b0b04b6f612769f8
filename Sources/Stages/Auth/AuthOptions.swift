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
            help: "Allows `mode: none` although others can reach the server."),
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
        guard options.mode == .none, !options.allowAnonymous, let exposure = environment.exposure else { return [] }
        return [
            OptionProblem(
                key: "mode",
                message: """
                    \(exposure.words), and nobody would be asked for a key; set `mode: api-keys`, or \(exposure.remedy), or set \
                    `allow-anonymous: true` if that is meant
                    """)
        ]
    }

    package static func provision(_ options: AuthOptions, in context: ProvisionContext) async throws -> any Middleware {
        switch options.mode {
        case .none: AnonymousAuth()
        case .apiKeys: KeyAuth(keys: KeyCache(store: context.keys, time: context.time), groups: options.groupsOfUsers)
        }
    }
}
