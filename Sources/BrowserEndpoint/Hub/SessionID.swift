/// A session of a gateway, by its canonical key.
package struct SessionID: Sendable, Hashable {
    package let gateway: String
    package let key: String

    package init(gateway: String, key: String) {
        self.gateway = gateway
        self.key = key
    }
}

/// Whom a session belongs to.
enum SessionOwner: Sendable, Hashable {
    /// Not looked up yet: nobody may see it.
    case unresolved
    /// No message of it is known yet: the first user who writes in it becomes its owner.
    case undecided
    /// Started elsewhere, or while no auth stage asked for names: for administrators.
    case nobody
    case user(String)

    var user: String? {
        if case .user(let name) = self { name } else { nil }
    }
}

extension SessionID {
    private static let mark = "routed:"

    /// The key, at the target of a route, of the session that belongs to this one and to no other. Not canonical yet.
    func routedKey(agent: String?) -> String {
        let rest = "\(Self.mark)\(gateway):\(key)"
        return agent.map { "agent:\($0):\(rest)" } ?? rest
    }

    /// Whether messages of other sessions are routed to this one. It is nobody's: what is said in it belongs to those.
    var isRouteTarget: Bool {
        key.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).last?.hasPrefix(Self.mark) ?? false
    }
}
