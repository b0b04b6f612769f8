import MiddlewareKit

/// Finds the messages of a gateway's history that are not stored yet.
///
/// The same message looks a little different on both sides: the gateway has its own ids and clock, cuts long texts, and
/// keeps an answer with tool calls in pieces, which is one message here.
struct HistoryMerge {
    struct Stored {
        let role: MessageRecord.Role
        let text: String
        var runID: String?
        /// When it came, when it says that it was said, and for a user's message when its run ended here.
        var times: [Timestamp]
        /// It may still be on its way to the gateway.
        var isUnanswered = false
        /// A user's message that was sent from here: its answer comes, or is withheld, the usual way.
        var isOurs = false
        /// The gateway never got it.
        var isUndelivered = false
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
    /// How far the gateway's clock may be behind ours where the words do not tell that a message is ours, in milliseconds.
    private static let precision: Int64 = 2_000
    private static let cutMark = "\n...(truncated)..."

    private var stored: [Stored]
    /// Answers that the stages have met before: they withheld them, or what they made of them is stored.
    private let met: Set<String>
    /// Where those stand that were taken over before, by their run ids.
    private let places: [String: Int]

    /// - Parameter met: Run ids.
    init(stored: [Stored], met: Set<String> = []) {
        self.stored = stored
        self.met = met
        places = Dictionary(stored.enumerated().compactMap { index, entry in entry.runID.map { ($0, index) } }) {
            first, _ in first
        }
    }

    /// - Parameter records: Oldest first.
    mutating func missing(_ records: [MessageRecord]) -> [MessageRecord] {
        var missing: [MessageRecord] = []
        var answersOurs = false
        var taken = records.map { takeNamed($0) }
        for (index, record) in records.enumerated() where taken[index] == nil && !met.contains(record.runID) {
            taken[index] = take(record)
        }
        // Stages may have sent the gateway other words than those that are stored. Messages of ours that are found by their words
        // are out of question for that.
        for (index, record) in records.enumerated() where taken[index] == nil && record.role == .user {
            taken[index] = takeRewritten(record)
        }
        for (record, found) in zip(records, taken) {
            if record.role == .user { answersOurs = found?.isOurs ?? false }
            let isKnown = found != nil || met.contains(record.runID) || answersOurs && record.role == .assistant
            if !isKnown { missing.append(record) }
        }
        return missing
    }

    /// One that was taken over before, under the same name.
    private mutating func takeNamed(_ record: MessageRecord) -> Stored? {
        guard let index = places[record.runID] else { return nil }
        stored[index].isTaken = true
        return stored[index]
    }

    /// The first message of ours that the gateway must have, and that was not found by its words.
    private mutating func takeRewritten(_ record: MessageRecord) -> Stored? {
        let (isNear, time) = (Self.isNear(record), record.timestamp.milliseconds)
        let index = stored.firstIndex { entry in
            // What was said before ours was is none of ours: that may be on its way.
            entry.isOurs && !entry.isTaken && !entry.isUndelivered && isNear(entry)
                && entry.times.contains { $0.milliseconds - Self.precision <= time }
        }
        guard let index else { return nil }
        stored[index].isTaken = true
        return stored[index]
    }

    private static func isNear(_ record: MessageRecord) -> (Stored) -> Bool {
        let time = record.timestamp.milliseconds
        return { entry in
            guard entry.role == record.role, let first = entry.times.min(), let last = entry.times.max() else {
                return false
            }
            // One that waited for its gateway got there any time before the end of its run.
            return first.milliseconds - window <= time
                && (time <= last.milliseconds + window || entry.isUnanswered)
        }
    }

    private mutating func take(_ record: MessageRecord) -> Stored? {
        let isNear = Self.isNear(record)
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
