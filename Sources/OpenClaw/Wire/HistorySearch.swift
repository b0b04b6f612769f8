import JSON
import MiddlewareKit

/// A message of a gateway's history.
package struct HistoryMessage: Sendable, Hashable {
    package var message: ChatMessage
    /// The gateway's own id of it, where it has one.
    package var id: String?
    /// For an answer that failed: why.
    package var error: String?
    /// The answer was stopped before its end.
    package var isAborted: Bool

    /// Nil when it is no object.
    init?(json: JSONValue) {
        guard let message = ChatMessage(json: json) else { return nil }
        self.message = message
        id = json["__openclaw"]?["id"]?.string ?? json["id"]?.string ?? json["messageId"]?.string
        error = message.stopReason == "error" ? json["errorMessage"]?.string ?? "the run failed" : nil
        isAborted = json["openclawAbort"]?["aborted"]?.bool ?? (message.stopReason == "aborted")
    }

    init(_ message: ChatMessage) {
        self.message = message
        isAborted = false
    }
}

/// Finds out of a session's messages how a run ended.
struct HistorySearch {
    enum Result: Equatable {
        case unseen
        case pending
        case ended(ChatEvent)
    }

    /// By how much the clocks of the two machines may differ.
    static let clockSkew: Int64 = 600_000

    /// Oldest first.
    let messages: [HistoryMessage]

    func end(of run: SoughtRun) -> Result {
        let earliest = run.since.milliseconds - Self.clockSkew
        let isNew = { (entry: HistoryMessage) in (entry.message.timestamp?.milliseconds ?? .max) >= earliest }
        guard let text = run.message.map(Self.normalised) else {
            // Started elsewhere: the last answer, if it is newer than the run.
            guard let last = messages.last(where: { $0.message.role == "assistant" }),
                (last.message.timestamp?.milliseconds ?? 0) >= run.since.milliseconds
            else { return .unseen }
            return answer(in: [last])
        }
        // Some gateways put the time or a sender before the text.
        let start = messages.lastIndex { entry in
            entry.message.role == "user" && isNew(entry) && Self.normalised(entry.message.text).hasSuffix(text)
        }
        guard let start else { return .unseen }
        return answer(in: messages[(start + 1)...].prefix { $0.message.role != "user" })
    }

    private func answer(in entries: some BidirectionalCollection<HistoryMessage>) -> Result {
        guard let last = entries.last(where: { $0.message.role == "assistant" }) else { return .pending }
        if let error = last.error {
            let partial = last.message.text.isEmpty ? nil : last.message
            return .ended(.failed(RunFailure(message: error, partial: partial)))
        }
        if last.isAborted { return .ended(.aborted(last.message, stopReason: last.message.stopReason)) }
        // The model wants to hear from a tool first.
        let isStep = last.message.stopReason?.lowercased().hasPrefix("tool") ?? false
        return isStep || last.message.text.isEmpty ? .pending : .ended(.final(last.message))
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
