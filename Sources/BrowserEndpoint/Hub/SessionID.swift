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
}
