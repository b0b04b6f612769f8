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
        var below = context.keeping(.user)
        below[KeptWords.self] = try await saving(
            context, "The message was not sent, because it could not be stored"
        ) {
            try await keep(message, context)
        }
        try await next(message, below)
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        guard !context.isShadow else { return try await next(event, context) }
        try await saving(context, "The reply could not be stored") { try await keep(event, context) }
        try await next(event, context.keeping(event.kind.role))
    }

    /// - Returns: The words that were kept.
    private func keep(_ message: InboundMessage, _ context: MessageContext) async throws -> String {
        guard let record = MessageRecord(message, context, at: time.now) else {
            throw Rejection(code: "bad_request", message: "A chat message needs a session.")
        }
        _ = try await store.store(record, rows: context.rows(for: record))
        return record.text
    }

    private func keep(_ event: OutboundEvent, _ context: MessageContext) async throws {
        var record = MessageRecord(event, context)
        if !keepsBlocks { record.blocks = [] }
        if event.kind == .final, event.text.isEmpty, record.blocks.isEmpty {
            // A silent reply has nothing to keep but that there will be none.
            return try await store.markUnanswered(
                gateway: record.gateway, sessionKey: record.sessionKey, runID: record.runID)
        }
        _ = try await store.store(record, rows: context.rows(for: record))
    }

    /// - Parameter words: Tell the person in front of the browser what it means when it fails.
    private func saving<Result>(
        _ context: MessageContext, _ words: String, _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let failure as StorageFailure {
            context.logger.error("a message could not be stored: \(failure)")
            throw Rejection(code: "storage_failed", message: "\(words): \(failure.description).")
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
