import DequeModule
import MiddlewareKit

/// What was sent to a gateway lately, to tell messages with the same text apart in its history.
struct SentMessages {
    private struct Entry {
        let runID: String
        let sessionKey: String
        let text: Int
        let sentAt: Timestamp
        /// The gateway has taken it.
        var hasArrived = false
    }

    private static let limit = 1_000

    private var entries: Deque<Entry> = []

    /// The message sets out; only its first attempt counts.
    mutating func note(_ runID: String, _ text: String, in sessionKey: String, at now: Timestamp) {
        guard index(of: runID) == nil else { return }
        if entries.count >= Self.limit { entries.removeFirst() }
        entries.append(Entry(runID: runID, sessionKey: sessionKey, text: text.trimmed.hashValue, sentAt: now))
    }

    mutating func arrived(_ runID: String) {
        if let index = index(of: runID) { entries[index].hasArrived = true }
    }

    /// When the message of this run was sent first; nil: not from here, or long ago.
    func time(of runID: String) -> Timestamp? { index(of: runID).map { entries[$0].sentAt } }

    /// How many other messages with this text the gateway took that were sent before the one of this run, but not before
    /// `earliest`, and how many that were sent after it.
    func twins(
        of runID: String, _ text: String, in sessionKey: String, sentAt: Timestamp, earliest: Int64
    ) -> (before: Int, after: Int) {
        let hash = text.trimmed.hashValue
        let own = index(of: runID)
        var twins = (before: 0, after: 0)
        for (index, entry) in entries.enumerated()
        where entry.hasArrived && entry.text == hash && entry.sessionKey == sessionKey && index != own
            && entry.sentAt.milliseconds >= earliest
        {
            if own.map({ index < $0 }) ?? (entry.sentAt <= sentAt) { twins.before += 1 } else { twins.after += 1 }
        }
        return twins
    }

    /// The newest come first: they are the ones that are asked about.
    private func index(of runID: String) -> Int? { entries.lastIndex { $0.runID == runID } }
}
