import DequeModule

/// The messages that were sent to gateways lately, to tell them from those that others sent: a gateway that tells of every
/// message of a session tells of ours too.
struct RecentSends {
    private struct Entry {
        let session: SessionID
        let text: Int
        let time: Duration
    }

    private static let limit = 1000
    private static let memory = Duration.seconds(600)

    private var entries: Deque<Entry> = []

    mutating func note(_ text: String, in session: SessionID, now: Duration) {
        if entries.count >= Self.limit { entries.removeFirst() }
        entries.append(Entry(session: session, text: text.hashValue, time: now))
    }

    /// Whether the message is one of ours. Each of ours is told of once.
    mutating func take(_ text: String, in session: SessionID, now: Duration) -> Bool {
        while let first = entries.first, now - first.time > Self.memory { entries.removeFirst() }
        let hash = text.hashValue
        guard let index = entries.firstIndex(where: { $0.session == session && $0.text == hash }) else { return false }
        entries.remove(at: index)
        return true
    }
}
