package import MiddlewareKit
import Synchronization
package import Tracing

/// The stages of one loaded configuration, folded into one path per kind of message. Immutable; safe to use from anywhere.
///
/// Messages meet the stages in list order in both directions. A stage that has nothing to do on a path is not on it.
package final class Chain: Sendable {
    /// Its name in the configuration.
    package let name: String
    package let stages: [Stage]
    /// The number of the configuration that the chain was built from.
    package let generation: Int
    /// The stages that want to know of more than the messages that reach them.
    package let observers: [any ServerObserver]

    private let time: any TimeSource
    /// Nil: calls of stages are not traced, and cost nothing for it.
    package let tracer: (any Tracer)?
    private let inboundPaths: [MessageKind: [PathStep]]
    private let outboundPaths: [EventKind: [PathStep]]
    private let textPath: [PathStep]

    package init(
        name: String = ChainSet.standardName, stages: [Stage], generation: Int = 1, tracer: (any Tracer)? = nil,
        time: any TimeSource
    ) {
        self.name = name
        self.stages = stages
        self.generation = generation
        self.time = time
        self.tracer = tracer
        let limits = Set(stages.compactMap(\.timeLimit))
        let deadlines = Dictionary(uniqueKeysWithValues: limits.map { ($0, Deadlines(limit: $0, time: time)) })
        inboundPaths = Dictionary(
            uniqueKeysWithValues: MessageKind.allCases.map { kind in
                let path = PathStep.path(of: stages, deadlines, .inbound, kind.rawValue, rewritesText: false) {
                    $0.inbound.contains(kind)
                }
                return (kind, path)
            })
        outboundPaths = Dictionary(
            uniqueKeysWithValues: EventKind.allCases.map { kind in
                let path = PathStep.path(of: stages, deadlines, .outbound, kind.rawValue, rewritesText: kind.isTerminal)
                {
                    $0.outbound.contains(kind)
                }
                return (kind, path)
            })
        textPath = PathStep.path(of: stages, deadlines, .outbound, "delta", rewritesText: true) { _ in false }
        observers = stages.filter { $0.mode == .enforce }.compactMap { $0.middleware as? any ServerObserver }
    }

    /// Runs a message from a browser through the chain to `terminal`.
    ///
    /// - Parameter untold: The code of rejections that the stages are not told of, as the caller asks again.
    /// - Throws: the ``Rejection`` of a stage, a ``StageFailure``, or what the terminal threw.
    package func send(
        _ message: InboundMessage,
        context: MessageContext,
        untold: String? = nil,
        terminal: @escaping @Sendable (InboundMessage, MessageContext) async throws -> Void
    ) async throws -> Passage {
        var onRejection: RejectionHandler<InboundMessage>?
        if !observers.isEmpty {
            onRejection = { message, context, stage, code in
                if code != untold { self.noteRejection(of: message, context: context, stage: stage, code: code) }
            }
        }
        let path = ChainPath(
            steps: inboundPaths[message.kind] ?? [], time: time, tracer: tracer,
            notes: PathNotes(message, context, chain: name), onRejection: onRejection, terminal: terminal)
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
            steps: outboundPaths[event.kind] ?? [], time: time, tracer: tracer,
            notes: PathNotes(event, context, chain: name), terminal: terminal)
        return try await path.run(event, context: context)
    }

    /// What the stages that rewrite replies make of an answer that is taken over from elsewhere; no other stage meets it.
    ///
    /// - Returns: nil when one of them withholds it.
    /// - Throws: as `send`.
    package func rewrite(_ event: OutboundEvent, context: MessageContext) async throws -> OutboundEvent? {
        let rewritten = Mutex<OutboundEvent?>(nil)
        let steps = (outboundPaths[event.kind] ?? []).filter { $0.rewrites != nil }
        let path = ChainPath(steps: steps, time: time) { event, _ in
            rewritten.withLock { $0 = event }
        }
        _ = try await path.run(event, context: context)
        return rewritten.withLock { $0 }
    }

    /// Whether a stage of this kind has a say in what becomes of such a message.
    package func hasStage(ofKind kind: String, for facts: @autoclosure () -> MessageFacts) -> Bool {
        stages.contains { $0.kind == kind && $0.mode == .enforce && $0.condition.matches(facts()) }
    }

    /// Tells the stages that want to know that a message went no further.
    ///
    /// - Parameter stage: Nil: it was turned away before the chain.
    package func noteRejection(of message: InboundMessage, context: MessageContext, stage: String?, code: String) {
        let rejected = RejectedMessage(message: message, context: context, stage: stage, code: code)
        for observer in observers { observer.messageWasRejected(rejected) }
    }

    /// Returns once no shadow is at work.
    package func shadowsAtRest() async {
        for stage in stages { await stage.instance.shadows.rest() }
    }

    /// Fresh transforms for the text of one run.
    /// - Parameter context: Of the message that started the run.
    package func makeReplyText(for run: Run, context: MessageContext) -> ReplyText {
        let facts = MessageFacts(textOf: run, context)
        let stages = textPath.filter { $0.rewrites?.matches(facts) ?? false }.map(\.stage)
        return ReplyText(stages: stages, run: run, time: time, context: context)
    }
}
