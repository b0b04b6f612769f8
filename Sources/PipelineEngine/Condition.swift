package import MiddlewareKit

/// The `when` of a stage entry: which messages the stage takes part in. All members that are set must match.
package struct Condition: Sendable, Hashable {
    package enum Direction: String, Sendable { case inbound, outbound }

    /// The facts of a message that a condition looks at.
    package struct Subject: Sendable {
        package var direction: Direction
        /// The word of a ``MessageKind`` or an ``EventKind``, or `delta` for reply text.
        package var kind: String
        package var gateway: String
        package var agent: String?
        package var session: String?
        package var user: String?

        package init(
            direction: Direction, kind: String, gateway: String, agent: String?, session: String?, user: String?
        ) {
            self.direction = direction
            self.kind = kind
            self.gateway = gateway
            self.agent = agent
            self.session = session
            self.user = user
        }
    }

    package var direction: Direction?
    package var kinds: Set<String>?
    package var gateways: [Pattern]?
    package var agents: [Pattern]?
    package var sessions: [Pattern]?
    package var users: [Pattern]?

    package init(
        direction: Direction? = nil,
        kinds: Set<String>? = nil,
        gateways: [Pattern]? = nil,
        agents: [Pattern]? = nil,
        sessions: [Pattern]? = nil,
        users: [Pattern]? = nil
    ) {
        self.direction = direction
        self.kinds = kinds
        self.gateways = gateways
        self.agents = agents
        self.sessions = sessions
        self.users = users
    }

    package func matches(_ subject: @autoclosure () -> Subject) -> Bool {
        let subject = subject()
        if let direction, direction != subject.direction { return false }
        if let kinds, !kinds.contains(subject.kind) { return false }
        return Self.any(gateways, match: subject.gateway)
            && Self.any(agents, match: subject.agent)
            && Self.any(sessions, match: subject.session)
            && Self.any(users, match: subject.user)
    }

    private static func any(_ patterns: [Pattern]?, match text: String?) -> Bool {
        guard let patterns else { return true }
        guard let text else { return false }
        return patterns.contains { $0.matches(text) }
    }
}
