import MiddlewareKit

/// Keeps messages: a user's before it is forwarded, the answer before the browsers get it.
///
/// Stages above it change what is kept, stages below it do not.
struct Persist: Middleware {
    let store: any MessageStore
    let keepsBlocks: Bool
    let time: any TimeSource

    var handles: StagePaths {
        StagePaths(inbound: [.chat], outbound: [.final, .aborted, .error])
    }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        guard let sessionKey = message.sessionKey, let runID = message.runID else {
            throw Rejection(code: "bad_request", message: "A chat message needs a session.")
        }
        let record = MessageRecord(
            gateway: message.gateway, sessionKey: sessionKey, owner: context.principal.flatMap(\.owner), role: .user,
            runID: runID, text: message.text, attachments: message.attachments, agent: message.agent,
            timestamp: time.now)
        try await save(record, context) { "The server could not store this: \($0). The message was not sent." }
        try await next(message, context.keeping(.user))
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        let blocks = keepsBlocks ? event.blocks : []
        // A silent reply has nothing to keep.
        if event.kind != .final || !event.text.isEmpty || !blocks.isEmpty {
            let record = MessageRecord(
                gateway: event.run.gateway, sessionKey: event.run.sessionKey, owner: event.run.user, role: .assistant,
                state: event.kind.storedState, runID: event.run.id, text: event.text, blocks: blocks,
                error: event.kind == .error ? event.detail ?? event.errorKind : nil, usage: event.usage,
                agent: event.run.agent, model: event.model, timestamp: event.timestamp)
            try await save(record, context) { "The reply could not be stored: \($0)." }
        }
        try await next(event, context.keeping(.assistant))
    }

    /// - Parameter words: Tells the person in front of the browser why it failed, and what that means.
    private func save(
        _ record: MessageRecord, _ context: MessageContext, orSay words: (_ cause: String) -> String
    ) async throws {
        do {
            try await store.store(record, rows: context.rows(for: record))
        } catch let failure as StorageFailure {
            throw Rejection(code: "storage_failed", message: words(failure.description))
        }
    }
}

extension EventKind {
    fileprivate var storedState: MessageRecord.State {
        switch self {
        case .aborted: .aborted
        case .error: .failed
        case .final, .status: .complete
        }
    }
}

extension MessageContext {
    fileprivate func keeping(_ role: MessageRecord.Role) -> MessageContext {
        var context = self
        context.keptRole = role
        return context
    }
}

extension Principal {
    /// Whom a session of theirs belongs to: nobody, where nobody was asked for a name.
    fileprivate var owner: String? { self == .anonymous ? nil : user }
}
