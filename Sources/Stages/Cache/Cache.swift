import MiddlewareKit

/// Remembers the answers to questions, and gives them again.
///
/// An answer is remembered as it meets the stage: what stages above made of it. When it is given again, it goes through the
/// whole chain as an answer of the gateway does, so the stage stands above those that change replies.
struct Cache: Middleware {
    let options: CacheOptions
    let answers: AnswerTable
    let time: any TimeSource

    static let paths = StagePaths(inbound: [.chat], outbound: [.final])

    var handles: StagePaths { Self.paths }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        guard let question = question(message, context) else { return try await next(message, context) }
        var (message, context) = (message, context)
        if let answer = answers.answer(to: question, at: time.uptime) {
            message.answer = answer
        } else {
            context[PendingQuestion.self] = question
        }
        try await next(message, context)
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        // An answer with pictures or tools in it is more than its text. A placeholder of `redact` stands for one value in one
        // session only.
        if let question = context[PendingQuestion.self], !event.text.isEmpty, event.blocks.allSatisfy(\.isThinking),
            event.text.utf8.count <= options.maxAnswer.bytes, !PlaceholderTable.mayHoldPlaceholder(event.text)
        {
            answers.remember(event.text, for: question, at: time.uptime)
        }
        try await next(event, context)
    }

    /// What makes a question the same; nil for what is none: a command, a message with files, or with what
    /// `redact` put in the place of a value, which is another one in the next session.
    private func question(_ message: InboundMessage, _ context: MessageContext) -> Question? {
        let words = message.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard message.answer == nil, message.attachments.isEmpty, !words.isEmpty, !message.isCommand,
            words.utf8.count <= options.maxAnswer.bytes, !PlaceholderTable.mayHoldPlaceholder(words)
        else { return nil }
        let user = context.principal?.user ?? Principal.anonymous.user
        return Question(
            text: words, gateway: message.route?.gateway ?? message.gateway,
            agent: message.route.map { $0.agent ?? "" } ?? message.agent ?? "",
            asker: options.scope == .everybody ? nil : user,
            session: options.scope == .session ? message.sessionKey : nil)
    }
}

/// What an answer is remembered by.
struct Question: Hashable, Sendable {
    var text: String
    /// Where it goes: not always where its session is.
    var gateway: String
    var agent: String
    var asker: String?
    var session: String?
}

/// The question of a message that the gateway is to answer.
private enum PendingQuestion: ContextKey { typealias Value = Question }

extension ContentBlock {
    fileprivate var isThinking: Bool { if case .thinking = self { true } else { false } }
}
