import MiddlewareKit

/// Does nothing.
struct PassThrough: Middleware {}

/// Passes messages on through a closure.
struct Inbound: Middleware {
    var handles = StagePaths.all
    let act: @Sendable (InboundMessage, MessageContext, Next<InboundMessage>) async throws -> Void

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        try await act(message, context, next)
    }
}

/// Gives a transform to each run.
struct Rewriting: Middleware {
    var handles = StagePaths(replyText: true)
    let make: @Sendable () -> any ReplyTransform

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .immediate(make()) }
}

/// Puts a mark before each piece, so that the text depends on how it was cut.
struct MarksPieces: ReplyTransform {
    mutating func feed(_ text: Substring) -> TextChange { .append("|" + text) }
    mutating func finish() -> TextChange { .append("") }
}

/// Lets nothing out before the end.
struct KeepsAllBack: ReplyTransform {
    private var text = ""
    mutating func feed(_ text: Substring) -> TextChange {
        self.text += text
        return .append("")
    }
    mutating func finish() -> TextChange { .append(text) }
}

/// Upper case, and "!" at the end.
struct Shouts: ReplyTransform {
    /// A word that it looks for in each piece alone; nil: all is in upper case.
    var only: String?

    mutating func feed(_ text: Substring) -> TextChange {
        .append(only.map { String(text).replacing($0, with: $0.uppercased()) } ?? text.uppercased())
    }
    mutating func finish() -> TextChange { .append("!") }
}
