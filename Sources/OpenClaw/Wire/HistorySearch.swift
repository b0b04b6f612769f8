import JSON
import MiddlewareKit

/// A message of a gateway's history.
package struct HistoryMessage: Sendable, Hashable {
    /// What a gateway puts at the end of a text that it has cut.
    static let cutMark = "\n...(truncated)..."

    package var message: ChatMessage
    /// The gateway's own id of it, where it has one.
    package var id: String?
    /// For an answer that failed: why.
    package var error: String?
    /// The answer was stopped before its end.
    package var isAborted: Bool
    /// The gateway has the whole text and did not send it, because it is long.
    package var isCut: Bool

    /// Nil when it is no object.
    init?(json: JSONValue) {
        guard let message = ChatMessage(json: json) else { return nil }
        self.message = message
        id = json["__openclaw"]?["id"]?.string ?? json["id"]?.string ?? json["messageId"]?.string
        error = message.stopReason == "error" ? json["errorMessage"]?.string ?? "the run failed" : nil
        isAborted = json["openclawAbort"]?["aborted"]?.bool ?? (message.stopReason == "aborted")
        let texts = (json["content"]?.array ?? []).compactMap { $0["text"]?.string } + [message.text]
        isCut = json["__openclaw"]?["truncated"]?.bool ?? false || texts.contains { $0.hasSuffix(Self.cutMark) }
    }

    init(_ message: ChatMessage) {
        self.message = message
        isAborted = false
        isCut = false
    }

    /// What there is of the text: without the mark where it was cut, and nothing when words of the gateway stand in its place.
    var knownText: String {
        guard isCut else { return message.text }
        if message.text.hasPrefix("[chat.history omitted") { return "" }
        return message.text.hasSuffix(Self.cutMark) ? String(message.text.dropLast(Self.cutMark.count)) : message.text
    }
}

/// Finds out of a session's messages how a run ended.
struct HistorySearch {
    enum Result: Equatable {
        case unseen
        case pending
        case ended(ChatEvent)
    }

    /// By how much the clocks of the two machines may differ, when nothing tells by how much they do.
    static let clockSkew: Int64 = 600_000
    /// By how much they may differ when it is known.
    static let imprecision: Int64 = 2_000

    /// Oldest first.
    let messages: [HistoryMessage]
    /// How far our clock is ahead of the gateway's, in milliseconds; nil: not known.
    var clockLead: Int64?
    /// Messages of ours with the same text that the gateway took: how many were sent shortly before the one whose answer is
    /// sought, and when those were sent that followed it.
    var twins = (before: 0, after: [Timestamp]())

    /// The earliest time that a message of the run can have in the history, by our clock.
    func earliest(_ since: Timestamp) -> Int64 {
        since.milliseconds - (clockLead == nil ? Self.clockSkew : Self.imprecision)
    }

    func end(of run: SoughtRun) -> Result {
        guard let text = run.message.map(Self.normalised) else {
            // Started elsewhere: what was answered last, if it is newer than the run.
            let asked = messages.lastIndex { $0.message.role == "user" } ?? -1
            let first = messages[(asked + 1)...].firstIndex { entry in
                entry.message.role == "assistant" && time(of: entry) ?? 0 >= run.since.milliseconds
            }
            return first.map { answer(in: messages[$0...]) } ?? .pending
        }
        guard let start = place(of: text, run) else { return .unseen }
        return answer(in: messages[(start + 1)...].prefix { $0.message.role != "user" })
    }

    /// Where the run's message stands. The same words may have been said before it: what is older than the message is not it,
    /// and neither is what belongs to another one of ours.
    private func place(of text: String, _ run: SoughtRun) -> Int? {
        var found = messages.indices.filter { index in
            messages[index].message.role == "user" && Self.isSame(messages[index], text)
        }
        if run.isNewest { return found.last }
        let earliest = earliest(run.since)
        found.removeAll { time(of: messages[$0]) ?? .max < earliest }
        let isOrdered = clockLead != nil && found.allSatisfy { time(of: messages[$0]) != nil }
        // The newest are those that followed it. One that is not written down yet is not taken for an older one, if there is
        // a common clock.
        for sentAt in twins.after.sorted(by: >) {
            guard let last = found.last else { break }
            let isOlder = time(of: messages[last]) ?? .max < sentAt.milliseconds - Self.imprecision
            if !isOrdered || !isOlder { found.removeLast() }
        }
        guard found.count > twins.before else { return nil }
        // Without a common clock the newest are the likeliest ones.
        return found[isOrdered ? twins.before : found.count - 1]
    }

    /// By our clock, as far as it is known how the two differ.
    private func time(of entry: HistoryMessage) -> Int64? {
        entry.message.timestamp.map { $0.milliseconds + (clockLead ?? 0) }
    }

    /// The gateway keeps what is said before and after a tool call as messages of their own; the answer is all of them.
    private func answer(in entries: ArraySlice<HistoryMessage>) -> Result {
        let pieces = entries.filter { $0.message.role == "assistant" }
        guard let last = pieces.last else { return .pending }
        var whole = last.message
        whole.text = pieces.map(\.knownText).filter { !$0.isEmpty }.joined(separator: "\n\n")
        let partial = whole.text.isEmpty ? nil : whole
        if let error = last.error { return .ended(.failed(RunFailure(message: error, partial: partial))) }
        if last.isAborted { return .ended(.aborted(whole, stopReason: whole.stopReason)) }
        // The model wants to hear from a tool first, or has only thought so far.
        let isStep = whole.stopReason?.lowercased().hasPrefix("tool") ?? last.message.text.isEmpty
        if isStep { return .pending }
        if pieces.contains(where: \.isCut) {
            return .ended(.failed(RunFailure(message: Self.cutWords, kind: RunFailure.truncated, partial: partial)))
        }
        return whole.text.isEmpty ? .pending : .ended(.final(whole))
    }

    private static let cutWords =
        "The connection was lost while the answer came, and the gateway's history has only the beginning of it."

    private static func isSame(_ entry: HistoryMessage, _ text: String) -> Bool {
        let stored = normalised(entry.knownText)
        if stored == text { return true }
        guard !text.isEmpty, !stored.isEmpty else { return false }
        if entry.isCut { return text.hasPrefix(stored) }
        guard stored.hasSuffix(text) else { return false }
        // Some gateways put the time or a sender before the text.
        let head = stored.dropLast(text.count)
        return head.last?.isNewline ?? false || [":", "]"].contains(head.trimmed.last)
    }

    /// As the gateway keeps what it is sent: control characters are gone, white space at the ends is not compared.
    private static func normalised(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        scalars.append(
            contentsOf: text.unicodeScalars.filter {
                $0.properties.generalCategory != .control || $0 == "\t" || $0 == "\n" || $0 == "\r"
            })
        return String(scalars).trimmed
    }
}
