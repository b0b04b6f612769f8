import Logging
import MiddlewareKit

/// `mode: none`: everybody is the same nobody.
struct AnonymousAuth: Middleware {
    let handles = AuthPlugin.paths

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        var context = context
        context.principal = .anonymous
        try await next(message, context)
    }
}

/// `mode: api-keys`: a message passes with the key of a user, which is looked at with every message.
struct KeyAuth: Middleware {
    let keys: KeyCache
    /// By the name of the user.
    var groups: [String: Set<String>] = [:]
    let handles = AuthPlugin.paths

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        guard let credential = context.credential else { throw Self.rejection }
        switch try await keys.judge(credential) {
        case .good(let principal):
            var context = context
            context.principal = Principal(
                user: principal.user, isAdministrator: principal.isAdministrator, groups: groups[principal.user] ?? [])
            try await next(message, context)
        case .bad(let cause):
            // Only the administrator learns why.
            context.logger.debug("access denied: \(cause)")
            throw Self.rejection
        }
    }

    /// The same for every cause: a stranger learns nothing about keys.
    private static let rejection = Rejection(
        code: "unauthorized",
        message: "An access key is needed. The server's administrator makes one with: sluice key create --user NAME")
}
