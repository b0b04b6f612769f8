import MiddlewareKit

/// Refuses long messages, and puts a line below each reply.
struct HouseRulesStage: Middleware {
    let options: HouseRulesOptions

    /// What it has to do with: replies only if there is a line to put below them.
    static func paths(_ options: HouseRulesOptions) -> StagePaths {
        StagePaths(inbound: [.chat], replyText: !options.notice.isEmpty)
    }

    var handles: StagePaths { Self.paths(options) }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        guard message.text.count <= options.maxLength else {
            throw Rejection(
                code: "too_long", message: "Please keep messages below \(options.maxLength) characters.")
        }
        try await next(message, context)
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? {
        .immediate(Notice(line: options.notice))
    }
}

/// Puts a line below a reply that is not empty.
private struct Notice: ReplyTransform {
    let line: String
    private var isEmpty = true

    init(line: String) { self.line = line }

    mutating func feed(_ text: Substring) -> TextChange {
        if !text.isEmpty { isEmpty = false }
        return .append(String(text))
    }

    mutating func finish() -> TextChange { .append(isEmpty ? "" : "\n\n" + line) }
}
