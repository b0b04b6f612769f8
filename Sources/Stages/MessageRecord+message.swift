import MiddlewareKit

extension MessageRecord {
    /// A user's message as it may be kept. Nil: it has no session.
    init?(_ message: InboundMessage, _ context: MessageContext, at now: Timestamp) {
        guard let sessionKey = message.sessionKey, let runID = message.runID else { return nil }
        self.init(
            gateway: message.gateway, sessionKey: sessionKey, owner: context.principal.flatMap(\.owner), role: .user,
            runID: runID, text: context.kept(message.text), attachments: message.attachments, agent: message.agent,
            timestamp: now)
        route = message.route
    }

    /// A reply, or what somebody wrote elsewhere, as it may be kept.
    init(_ event: OutboundEvent, _ context: MessageContext) {
        let (run, isError) = (event.run, event.kind == .error)
        self.init(
            gateway: run.gateway, sessionKey: run.sessionKey, owner: run.user, role: event.kind.role,
            state: event.kind.storedState, runID: run.id, text: context.kept(event.text),
            blocks: event.blocks.map { $0.mappingText(context.kept) },
            error: isError ? event.detail.map(context.kept) ?? event.errorKind : nil, usage: event.usage,
            agent: run.agent, model: event.model, timestamp: event.timestamp)
        errorKind = isError ? event.errorKind : nil
    }
}

extension EventKind {
    /// Whose words an event carries.
    var role: MessageRecord.Role { self == .message ? .user : .assistant }

    fileprivate var storedState: MessageRecord.State {
        switch self {
        case .aborted: .aborted
        case .error: .failed
        case .final, .status, .message: .complete
        }
    }
}

extension Principal {
    /// Whom a session of theirs belongs to: nobody, where nobody was asked for a name.
    var owner: String? { self == .anonymous ? nil : user }
}
