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

/// A text in which `*` stands for any run of characters.
package struct Pattern: Sendable, Hashable {
    private let pieces: [[UInt8]]

    package init(_ text: String) {
        pieces = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
    }

    /// Takes time in the length of the text times the length of the pattern at most.
    package func matches(_ text: String) -> Bool {
        let text = Array(text.utf8)
        guard let first = pieces.first, let last = pieces.last, pieces.count > 1 else { return pieces == [text] }
        guard text.count >= first.count + last.count, text.starts(with: first) else { return false }
        guard text.suffix(last.count).elementsEqual(last) else { return false }
        // The middle pieces may stand anywhere between the ends; the leftmost place for each leaves most room.
        var rest = text[first.count..<(text.count - last.count)]
        for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
            guard let place = rest.indices.first(where: { rest[$0...].starts(with: piece) }) else { return false }
            rest = rest[(place + piece.count)...]
        }
        return true
    }
}
