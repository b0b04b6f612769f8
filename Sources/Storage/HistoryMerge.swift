import MiddlewareKit

/// Finds the messages of a gateway's history that are not stored yet.
///
/// The same message looks a little different on both sides: the gateway has its own ids and clock, cuts long texts, and
/// keeps an answer with tool calls in pieces, which is one message here.
struct HistoryMerge {
    struct Stored {
        let role: MessageRecord.Role
        let text: String
        /// When it came, when it says that it was said, and for a user's message when its run ended here.
        var times: [Timestamp]
        /// It may still be on its way to the gateway.
        var isUnanswered = false
        /// A user's message that was sent from here: its answer comes, or is withheld, the usual way.
        var isOurs = false
        fileprivate(set) var isTaken = false
        /// How many characters of an answer that the gateway has in pieces are accounted for.
        fileprivate var taken = 0

        init(role: MessageRecord.Role, text: String, times: [Timestamp]) {
            self.role = role
            self.text = text
            self.times = times
        }
    }

    /// How far the times of the same message may be apart, in milliseconds.
    static let window: Int64 = 900_000
    private static let cutMark = "\n...(truncated)..."

    private var stored: [Stored]

    init(stored: [Stored]) { self.stored = stored }

    /// - Parameter records: Oldest first.
    mutating func missing(_ records: [MessageRecord]) -> [MessageRecord] {
        var missing: [MessageRecord] = []
        var answersOurs = false
        for record in records {
            let found = take(record)
            if record.role == .user { answersOurs = found?.isOurs ?? false }
            if found == nil, !(answersOurs && record.role == .assistant) { missing.append(record) }
        }
        return missing
    }

    private mutating func take(_ record: MessageRecord) -> Stored? {
        let time = record.timestamp.milliseconds
        let isNear = { (entry: Stored) in
            guard entry.role == record.role, let first = entry.times.min(), let last = entry.times.max() else {
                return false
            }
            // One that waited for its gateway got there any time before the end of its run.
            return first.milliseconds - Self.window <= time
                && (time <= last.milliseconds + Self.window || entry.isUnanswered)
        }
        if let index = stored.firstIndex(where: { isNear($0) && !$0.isTaken && Self.isSame(record.text, $0.text) }) {
            stored[index].isTaken = true
            return stored[index]
        }
        guard record.role == .assistant, !record.text.isEmpty else { return nil }
        // A piece of an answer; the next one stands behind it.
        for index in stored.indices where isNear(stored[index]) && !stored[index].isTaken {
            let text = stored[index].text
            let rest = text.dropFirst(stored[index].taken)
            guard let piece = rest.firstRange(of: record.text) else { continue }
            stored[index].taken = text.distance(from: text.startIndex, to: piece.upperBound)
            return stored[index]
        }
        return nil
    }

    private static func isSame(_ theirs: String, _ ours: String) -> Bool {
        if theirs == ours { return true }
        if theirs.hasSuffix(cutMark) { return ours.hasPrefix(theirs.dropLast(cutMark.count)) }
        // Some gateways put the time or a sender before what a user wrote.
        return !ours.isEmpty && theirs.hasSuffix(ours)
    }
}
