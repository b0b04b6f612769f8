package import MiddlewareTesting
import PipelineEngine

/// What is different between two replays of a transcript, in words.
package struct ReplayReport: Sendable, Hashable {
    /// A line of the report for each line of the transcript that is different.
    package let differences: [String]
    package let summary: String

    /// - Parameters:
    ///   - old: What became of each line before; of a recording, that it is there.
    ///   - new: What becomes of it now.
    package init(_ transcript: Transcript, old: [ChainReplay.Outcome], new: [ChainReplay.Outcome]) {
        var differences: [String] = []
        for (index, entry) in transcript.entries.enumerated() {
            guard let words = new[index].difference(from: old[index]) else { continue }
            differences.append("\(index + 1)  \(entry.title): \(words)")
        }
        self.differences = differences
        let count = transcript.entries.count
        summary =
            "\(count) \(count == 1 ? "line" : "lines"): \(count - differences.count) the same, "
            + "\(differences.count) different"
    }
}

extension Transcript.Entry {
    fileprivate var title: String {
        let who = user ?? "nobody in particular"
        switch type {
        case .inbound: return "\(kind ?? "") of \(who)\(session.map { " in \($0)" } ?? "")"
        case .outbound: return "\(kind ?? "") of run \(run ?? "") for \(who)"
        case .delta: return "piece of run \(run ?? "")"
        }
    }
}

extension ChainReplay.Outcome {
    /// Nil when nothing is different.
    fileprivate func difference(from old: Self) -> String? {
        guard self != old else { return nil }
        if let was = old.shown, let now = shown, answer == old.answer { return now.difference(from: was) }
        return "\(words), was: \(old.words)"
    }

    private var shown: ChainReplay.Shown? {
        switch self {
        case .passed(let shown), .answered(let shown, _): shown
        default: nil
        }
    }

    private var answer: String? { if case .answered(_, let answer) = self { answer } else { nil } }

    private var words: String {
        switch self {
        case .passed(let shown): "passed as \(quote(shown.text))"
        case .answered(_, let answer): "answered with \(quote(answer)), the gateway is not asked"
        case .rejected(let code, let message): "rejected, \(code): \(message)"
        case .dropped(let stage): "dropped by “\(stage)”"
        case .failed(let stage): "the stage “\(stage)” failed"
        case .notAsked: "left out, its message went no further"
        case .streamed: "streamed"
        }
    }
}

extension ChainReplay.Shown {
    fileprivate func difference(from old: Self) -> String {
        var words: [String] = []
        if let change = TextDifference(from: old.text, to: text) {
            words.append("changed at \(change.at), \(quote(change.removed)) -> \(quote(change.added))")
        }
        words += old.beside.filter { !beside.contains($0) }.map { "without \(quote($0))" }
        words += beside.filter { !old.beside.contains($0) }.map { "with \(quote($0))" }
        return words.joined(separator: "; ")
    }
}

/// Text on one line, cut when it is long.
private func quote(_ text: String) -> String {
    String(text.prefix(200)).debugDescription + (text.count > 200 ? "…" : "")
}
