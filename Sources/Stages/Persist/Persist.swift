import Logging
import MiddlewareKit

/// Keeps messages: a user's before it is forwarded, the answer before the browsers get it.
///
/// Stages above it change what is kept, stages below it do not.
struct Persist: Middleware {
    let store: any MessageStore
    let keepsBlocks: Bool
    let time: any TimeSource

    static let paths = StagePaths(inbound: [.chat], outbound: [.final, .aborted, .error, .message])

    var handles: StagePaths { Self.paths }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        // A shadow has no effect, and to keep something is one.
        guard !context.isShadow else { return try await next(message, context) }
        try await saving(context, "The message was not sent, because it could not be stored") {
            try await keep(message, context)
        }
        try await next(message, context.keeping(.user))
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        guard !context.isShadow else { return try await next(event, context) }
        try await saving(context, "The reply could not be stored") { try await keep(event, context) }
        try await next(event, context.keeping(event.kind == .message ? .user : .assistant))
    }

    private func keep(_ message: InboundMessage, _ context: MessageContext) async throws {
        guard let sessionKey = message.sessionKey, let runID = message.runID else {
            throw Rejection(code: "bad_request", message: "A chat message needs a session.")
        }
        var record = MessageRecord(
            gateway: message.gateway, sessionKey: sessionKey, owner: context.principal.flatMap(\.owner), role: .user,
            runID: runID, text: context.kept(message.text), attachments: message.attachments, agent: message.agent,
            timestamp: time.now)
        record.route = message.route
        _ = try await store.store(record, rows: context.rows(for: record))
    }

    private func keep(_ event: OutboundEvent, _ context: MessageContext) async throws {
        let run = event.run
        let blocks = keepsBlocks ? event.blocks.map { $0.mappingText(context.kept) } : []
        if event.kind == .final, event.text.isEmpty, blocks.isEmpty {
            // A silent reply has nothing to keep but that there will be none.
            return try await store.markUnanswered(gateway: run.gateway, sessionKey: run.sessionKey, runID: run.id)
        }
        var record = MessageRecord(
            gateway: run.gateway, sessionKey: run.sessionKey, owner: run.user,
            role: event.kind == .message ? .user : .assistant,
            state: event.kind.storedState, runID: run.id, text: context.kept(event.text), blocks: blocks,
            error: event.kind == .error ? event.detail.map(context.kept) ?? event.errorKind : nil,
            usage: event.usage, agent: run.agent, model: event.model, timestamp: event.timestamp)
        record.errorKind = event.kind == .error ? event.errorKind : nil
        _ = try await store.store(record, rows: context.rows(for: record))
    }

    /// - Parameter words: Tell the person in front of the browser what it means when it fails.
    private func saving(_ context: MessageContext, _ words: String, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let failure as StorageFailure {
            context.logger.error("a message could not be stored: \(failure)")
            throw Rejection(code: "storage_failed", message: "\(words): \(failure.description).")
        }
    }
}

extension EventKind {
    fileprivate var storedState: MessageRecord.State {
        switch self {
        case .aborted: .aborted
        case .error: .failed
        case .final, .status, .message: .complete
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
