import Foundation
import MiddlewareKit

/// Writes messages and replies anew, by templates.
struct Transform: Middleware {
    let message: TextTemplate?
    let reply: ReplyTemplate?
    let time: any TimeSource
    let skipsCommands: Bool
    let handles: StagePaths

    /// What templates can name.
    static let values = ["text", "user", "gateway", "agent", "session", "date"]

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        guard let template = self.message, !(skipsCommands && message.isCommand) else {
            return try await next(message, context)
        }
        var message = message
        message.text = template.render([
            "text": message.text, "user": context.principal?.name ?? "", "gateway": message.gateway,
            "agent": message.agent ?? "", "session": message.sessionKey ?? "", "date": time.now.date,
        ])
        try await next(message, context)
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? {
        guard let reply else { return nil }
        // Only what does not change while the run lasts, or the final would say something else than the deltas.
        let values = [
            "user": run.user ?? "", "gateway": run.gateway, "agent": run.agent ?? "", "session": run.sessionKey,
            "date": run.startedAt.date,
        ]
        return .immediate(Framed(before: reply.before.render(values), after: reply.after.render(values)))
    }
}

/// Puts text before and after a reply that is not empty.
private struct Framed: ReplyTransform {
    let before: String
    let after: String
    private var hasBegun = false

    init(before: String, after: String) {
        self.before = before
        self.after = after
    }

    mutating func feed(_ text: Substring) -> TextChange {
        guard !text.isEmpty else { return .append("") }
        defer { hasBegun = true }
        return .append(hasBegun ? String(text) : before + text)
    }

    mutating func finish() -> TextChange { .append(hasBegun ? after : "") }
}

extension Principal {
    /// Everybody is no user, as in ``Run/user``: a template would say one thing of a message, and another of its reply.
    fileprivate var name: String? { self == .anonymous ? nil : user }
}

extension Timestamp {
    /// The day in UTC: `2026-11-23`.
    var date: String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601.year().month().day())
    }
}
