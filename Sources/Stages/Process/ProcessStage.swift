import MiddlewareKit

/// Asks a program what becomes of messages, events and the text of replies.
struct ProcessStage: Middleware {
    let host: ProgramHost
    let handles: StagePaths

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        var (message, context) = (message, context)
        try await verdict(CallOutMessage(message, context)).apply(to: &message, &context)
        try await next(message, context)
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        var context = context
        try await verdict(CallOutMessage(event, context)).apply(to: event, &context)
        try await next(event, context)
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? {
        handles.replyText ? .awaiting(ProgramTransform(host: host, run: run)) : nil
    }

    func cleanup() async { await host.stop() }

    private func verdict(_ message: CallOutMessage) async throws -> Verdict {
        let answer = try await host.ask(.message(message))
        guard let word = answer.verdict else { throw VerdictProblem(description: "it answered without a `verdict`") }
        return Verdict(
            verdict: word, text: answer.text, code: answer.code, message: answer.message, notes: answer.notes)
    }
}

/// Puts the text of a reply to a program piece by piece. What the program keeps of it comes again with the next piece, so
/// the program remembers nothing, and one that is started again goes on where the last one was.
private struct ProgramTransform: AsyncReplyTransform {
    let host: ProgramHost
    let run: Run
    private var kept = ""

    /// The most that a program may keep, in bytes.
    private static let maxKept = 65_536

    init(host: ProgramHost, run: Run) {
        self.host = host
        self.run = run
    }

    mutating func feed(_ text: Substring) async throws -> TextChange { try await ask(kept + text, isEnd: false) }

    mutating func finish() async throws -> TextChange { try await ask(kept, isEnd: true) }

    private mutating func ask(_ text: String, isEnd: Bool) async throws -> TextChange {
        let answer = try await host.ask(.reply(CallOutMessage(run, text: text), isEnd: isEnd))
        guard let shown = answer.text else {
            throw VerdictProblem(description: "it answered a piece of a reply without `text`")
        }
        kept = answer.keep ?? ""
        guard kept.utf8.count <= Self.maxKept else {
            throw VerdictProblem(description: "it kept more than \(Self.maxKept) bytes of a reply")
        }
        if isEnd, !kept.isEmpty { throw VerdictProblem(description: "it kept something at the end of a reply") }
        return .append(shown)
    }
}
