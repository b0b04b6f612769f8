import MiddlewareKit

/// Puts text before and after messages.
struct Prompt: Middleware {
    let options: PromptOptions

    static let paths = StagePaths(inbound: [.chat])

    var handles: StagePaths { Self.paths }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        // A command of the gateway (`/new`) must stay at the beginning, and alone.
        if options.skipCommands, message.isCommand { return try await next(message, context) }
        var message = message
        message.text = [options.before, message.text, options.after].filter { !$0.isEmpty }
            .joined(separator: options.separator)
        try await next(message, context)
    }
}
