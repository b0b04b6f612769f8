import MiddlewareKit

/// Hides words in replies, and refuses messages that hold them.
///
/// An example of a stage: options, an inbound check, and a transform that works on replies while they stream.
struct WordFilter: Middleware {
    private let words: Words

    init(words: [String]) { self.words = Words(words) }

    let handles = StagePaths(inbound: [.chat], replyText: true)

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        if let word = words.first(in: message.text) {
            throw Rejection(code: "word_refused", message: "Please do not use the word “\(word)” here.")
        }
        try await next(message, context)
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? {
        .immediate(WordMask(words))
    }
}
