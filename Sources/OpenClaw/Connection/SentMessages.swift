import DequeModule
import MiddlewareKit

/// What was sent to a gateway lately, to tell messages with the same text apart in its history.
struct SentMessages {
    private struct Entry {
        /// Counts the messages in the order in which they were sent.
        let number: Int
        let sessionKey: String
        let text: Int
        let sentAt: Timestamp
        /// The gateway has taken it.
        var hasArrived = false
    }

    private static let limit = 1_000

    private var entries: [String: Entry] = [:]
    /// Their runs, the oldest first.
    private var order: Deque<String> = []
    private var count = 0

    /// The message sets out; only its first attempt counts.
    mutating func note(_ runID: String, _ text: String, in sessionKey: String, at now: Timestamp) {
        guard entries[runID] == nil else { return }
        if order.count >= Self.limit { entries[order.removeFirst()] = nil }
        count += 1
        order.append(runID)
        entries[runID] = Entry(number: count, sessionKey: sessionKey, text: text.trimmed.hashValue, sentAt: now)
    }

    mutating func arrived(_ runID: String) { entries[runID]?.hasArrived = true }

    /// When the message of this run was sent first; nil: not from here, or long ago.
    func time(of runID: String) -> Timestamp? { entries[runID]?.sentAt }

    /// How many other messages with this text the gateway took that were sent before the one of this run, but not before
    /// `earliest`, and how many that were sent after it.
    func twins(
        of runID: String, _ text: String, in sessionKey: String, sentAt: Timestamp, earliest: Int64
    ) -> (before: Int, after: Int) {
        let hash = text.trimmed.hashValue
        let own = entries[runID]?.number
        var twins = (before: 0, after: 0)
        for entry in entries.values
        where entry.hasArrived && entry.text == hash && entry.sessionKey == sessionKey && entry.number != own
            && entry.sentAt.milliseconds >= earliest
        {
            if own.map({ entry.number < $0 }) ?? (entry.sentAt <= sentAt) {
                twins.before += 1
            } else {
                twins.after += 1
            }
        }
        return twins
    }
}
