import DequeModule

/// The messages that were sent to gateways lately, to tell them from those that others sent: a gateway that tells of every
/// message of a session tells of ours too.
struct RecentSends {
    private struct Entry {
        let session: SessionID
        let text: Int
        /// When the gateway took it; nil while it is on its way, which can be long for a gateway that is away.
        var takenAt: Duration?
    }

    private static let limit = 1000
    private static let memory = Duration.seconds(600)

    private var entries: Deque<Entry> = []

    /// The message sets out.
    mutating func note(_ text: String, in session: SessionID) {
        if entries.count >= Self.limit { entries.removeFirst() }
        entries.append(Entry(session: session, text: text.hashValue))
    }

    /// The gateway has taken it, or never will. It may have told of it before.
    mutating func arrived(_ text: String, in session: SessionID, now: Duration) {
        guard let index = index(of: text, in: session, where: { $0.takenAt == nil }) else { return }
        entries[index].takenAt = now
    }

    /// Whether the message is one of ours. Each of ours is told of once.
    mutating func take(_ text: String, in session: SessionID, now: Duration) -> Bool {
        entries.removeAll { $0.takenAt.map { now - $0 > Self.memory } ?? false }
        guard let index = index(of: text, in: session, where: { _ in true }) else { return false }
        entries.remove(at: index)
        return true
    }

    private func index(of text: String, in session: SessionID, where condition: (Entry) -> Bool) -> Int? {
        let hash = text.hashValue
        // The number first: this runs for every message.
        return entries.firstIndex { $0.text == hash && $0.session == session && condition($0) }
    }
}
