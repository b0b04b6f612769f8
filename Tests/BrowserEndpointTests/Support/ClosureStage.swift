import MiddlewareKit
import PipelineEngine

/// A stage whose behaviour a test writes down where it needs it.
struct ClosureStage: Middleware {
    typealias Inbound =
        @Sendable (InboundMessage, MessageContext, (InboundMessage, MessageContext) async throws -> Void) async throws
        -> Void
    typealias Outbound =
        @Sendable (OutboundEvent, MessageContext, (OutboundEvent, MessageContext) async throws -> Void) async throws
        -> Void

    var handles: StagePaths
    var onInbound: Inbound = { try await $2($0, $1) }
    var onOutbound: Outbound = { try await $2($0, $1) }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        try await onInbound(message, context, next)
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        try await onOutbound(event, context, next)
    }
}

extension Stage {
    /// A stage called `test` for messages of one kind.
    static func inbound(_ kind: MessageKind, _ body: @escaping ClosureStage.Inbound) -> Stage {
        Stage(
            name: "test", kind: "test",
            middleware: ClosureStage(handles: StagePaths(inbound: [kind]), onInbound: body))
    }

    /// A stage called `test` for events of one kind.
    static func outbound(_ kind: EventKind, _ body: @escaping ClosureStage.Outbound) -> Stage {
        Stage(
            name: "test", kind: "test",
            middleware: ClosureStage(handles: StagePaths(outbound: [kind]), onOutbound: body))
    }
}

/// What a broken stage throws.
struct Broken: Error {}
