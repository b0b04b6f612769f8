package import MiddlewareKit
import Synchronization
package import Tracing

/// The stages of one loaded configuration, folded into one path per kind of message. Immutable; safe to use from anywhere.
///
/// Messages meet the stages in list order in both directions. A stage that has nothing to do on a path is not on it.
package final class Chain: Sendable {
    package let stages: [Stage]
    /// The number of the configuration that the chain was built from.
    package let generation: Int
    /// The stages that want to know of more than the messages that reach them.
    package let observers: [any ServerObserver]

    private let time: any TimeSource
    /// Nil: calls of stages are not traced, and cost nothing for it.
    package let tracer: (any Tracer)?
    private let inboundPaths: [MessageKind: [Stage]]
    private let outboundPaths: [EventKind: [Stage]]
    private let textPath: [Stage]

    package init(
        stages: [Stage], generation: Int = 1, tracer: (any Tracer)? = nil, time: any TimeSource
    ) {
        self.stages = stages
        self.generation = generation
        self.time = time
        self.tracer = tracer
        var inboundPaths: [MessageKind: [Stage]] = [:]
        for kind in MessageKind.allCases {
            inboundPaths[kind] = stages.filter { $0.middleware.handles.inbound.contains(kind) }
        }
        var outboundPaths: [EventKind: [Stage]] = [:]
        for kind in EventKind.allCases {
            outboundPaths[kind] = stages.filter {
                $0.middleware.handles.outbound.contains(kind) || (kind.isTerminal && $0.middleware.handles.replyText)
            }
        }
        self.inboundPaths = inboundPaths
        self.outboundPaths = outboundPaths
        textPath = stages.filter { $0.middleware.handles.replyText }
        observers = stages.filter { $0.mode == .enforce }.compactMap { $0.middleware as? any ServerObserver }
    }

    /// Runs a message from a browser through the chain to `terminal`.
    ///
    /// - Throws: the ``Rejection`` of a stage, a ``StageFailure``, or what the terminal threw.
    package func send(
        _ message: InboundMessage,
        context: MessageContext,
        terminal: @escaping @Sendable (InboundMessage, MessageContext) async throws -> Void
    ) async throws -> Passage {
        var path = ChainPath(
            stages: inboundPaths[message.kind] ?? [], time: time, tracer: tracer, terminal: terminal)
        if !observers.isEmpty {
            path.onRejection = { self.noteRejection(of: $0, context: $1, stage: $2, code: $3) }
        }
        return try await path.run(message, context: context)
    }

    /// Runs a whole event through the chain to `terminal`. The text of a terminal event goes through the transforms of the
    /// stages as it meets them. The caller keeps the events of one run in order.
    ///
    /// - Throws: as `send`.
    package func deliver(
        _ event: OutboundEvent,
        context: MessageContext,
        terminal: @escaping @Sendable (OutboundEvent, MessageContext) async throws -> Void
    ) async throws -> Passage {
        let path = ChainPath(
            stages: outboundPaths[event.kind] ?? [], time: time, tracer: tracer, terminal: terminal)
        return try await path.run(event, context: context)
    }

    /// What the stages that rewrite replies make of an answer that is taken over from elsewhere; no other stage meets it.
    ///
    /// - Returns: nil when one of them withholds it.
    /// - Throws: as `send`.
    package func rewrite(_ event: OutboundEvent, context: MessageContext) async throws -> OutboundEvent? {
        let rewritten = Mutex<OutboundEvent?>(nil)
        let path = ChainPath<OutboundEvent>(stages: textPath, time: time) { event, _ in
            rewritten.withLock { $0 = event }
        }
        _ = try await path.run(event, context: context)
        return rewritten.withLock { $0 }
    }

    /// Tells the stages that want to know that a message went no further.
    ///
    /// - Parameter stage: Nil: it was turned away before the chain.
    package func noteRejection(of message: InboundMessage, context: MessageContext, stage: String?, code: String) {
        let rejected = RejectedMessage(message: message, context: context, stage: stage, code: code)
        for observer in observers { observer.messageWasRejected(rejected) }
    }

    /// Runs the stages that have work to do beside messages, until the task is cancelled.
    package func runInBackground() async {
        await withDiscardingTaskGroup { group in
            for stage in stages {
                guard let background = stage.middleware as? any BackgroundStage else { continue }
                group.addTask { await background.run() }
            }
        }
    }

    /// Fresh transforms for the text of one run.
    package func makeReplyText(for run: Run) -> ReplyText {
        ReplyText(stages: textPath.filter { $0.rewritesText(of: run) }, run: run)
    }

    /// Tells the stages that no message will come any more.
    package func cleanup() async {
        for stage in stages { await stage.middleware.cleanup() }
    }
}

extension Stage {
    /// Whether the stage's condition lets it at the text of a run. The whole text of the final counts as `delta` too, so
    /// that both always take the same way.
    func rewritesText(of run: Run) -> Bool {
        condition?.matches(
            Condition.Subject(
                direction: .outbound, kind: "delta", gateway: run.gateway, agent: run.agent, session: run.sessionKey,
                user: run.user)) ?? true
    }
}
