import DequeModule
import MiddlewareKit

/// What was sent to a gateway lately, to tell messages with the same text apart in its history.
struct SentMessages {
    private struct Entry {
        /// Counts the messages in the order in which they were sent; 0: before the server was started.
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
        count += 1
        insert(Entry(number: count, sessionKey: sessionKey, text: text.trimmed.hashValue, sentAt: now), of: runID)
    }

    /// One that was sent, and answered, before the server was started.
    mutating func remember(_ twin: SoughtRun.Twin, _ text: String, in sessionKey: String) {
        guard entries[twin.runID] == nil else { return }
        insert(
            Entry(
                number: 0, sessionKey: sessionKey, text: text.trimmed.hashValue, sentAt: twin.sentAt, hasArrived: true),
            of: twin.runID)
    }

    private mutating func insert(_ entry: Entry, of runID: String) {
        if order.count >= Self.limit { entries[order.removeFirst()] = nil }
        order.append(runID)
        entries[runID] = entry
    }

    mutating func arrived(_ runID: String) { entries[runID]?.hasArrived = true }

    /// When the message of this run was sent first; nil: not from here, or long ago.
    func time(of runID: String) -> Timestamp? { entries[runID]?.sentAt }

    /// How many other messages with this text the gateway took that were sent before the one of this run, but not before
    /// `earliest`, and when those were sent that followed it.
    func twins(
        of runID: String, _ text: String, in sessionKey: String, sentAt: Timestamp, earliest: Int64
    ) -> (before: Int, after: [Timestamp]) {
        let hash = text.trimmed.hashValue
        let own = entries[runID]?.number
        var twins = (before: 0, after: [Timestamp]())
        for entry in entries.values
        where entry.hasArrived && entry.text == hash && entry.sessionKey == sessionKey && entry.number != own
            && entry.sentAt.milliseconds >= earliest
        {
            if own.map({ entry.number < $0 }) ?? (entry.sentAt <= sentAt) {
                twins.before += 1
            } else {
                twins.after.append(entry.sentAt)
            }
        }
        return twins
    }
}
