import MiddlewareKit

/// Something outside of the server that is asked about messages. Safe to call from anywhere.
protocol CallOut: Sendable {
    func ask(_ question: CallOutQuestion) async throws -> CallOutAnswer
    /// Nothing is asked any more.
    func stop() async
}

/// Asks something outside of the server what becomes of messages, events and the text of replies.
struct CallOutStage: Middleware {
    let outside: any CallOut
    let handles: StagePaths

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        var (message, context) = (message, context)
        try await outside.ask(.message(CallOutMessage(message, context))).apply(to: &message, &context)
        try await next(message, context)
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        var context = context
        try await outside.ask(.message(CallOutMessage(event, context))).apply(to: event, &context)
        try await next(event, context)
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? {
        handles.replyText ? .awaiting(CallOutTransform(outside: outside, run: run)) : nil
    }

    func cleanup() async { await outside.stop() }
}

/// Hands the text of a reply out piece by piece. What is kept of it there comes again with the next piece, so nothing has to
/// be remembered there, and another one can go on where the last one was.
private struct CallOutTransform: AsyncReplyTransform {
    let outside: any CallOut
    let run: Run
    private var kept = ""

    init(outside: any CallOut, run: Run) {
        self.outside = outside
        self.run = run
    }

    var keptBack: Int? { kept.utf8.count }

    mutating func feed(_ text: Substring) async throws -> TextChange { try await ask(kept + text, isEnd: false) }

    mutating func finish() async throws -> TextChange { try await ask(kept, isEnd: true) }

    private mutating func ask(_ text: String, isEnd: Bool) async throws -> TextChange {
        let answer = try await outside.ask(.reply(CallOutMessage(run, text: text), isEnd: isEnd))
        try answer.requireNoError()
        guard let shown = answer.text else { throw CallOutProblem("it answered a piece of a reply without `text`") }
        kept = answer.keep ?? ""
        if isEnd, !kept.isEmpty { throw CallOutProblem("it kept something at the end of a reply") }
        return .append(shown)
    }
}
