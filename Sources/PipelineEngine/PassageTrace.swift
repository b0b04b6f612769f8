package import MiddlewareKit
import Synchronization

/// What happens to one message, stage by stage, for somebody who watches: from where it enters its chain to where it leaves
/// it, and for a chat on through the events of its run.
package final class PassageTrace: Sendable {
    package struct Record: Sendable, Hashable {
        package enum Outcome: Sendable, Hashable {
            /// The message is at the beginning of its chain.
            case entered
            /// The condition of the stage does not hold.
            case skipped
            /// The stage's transform rewrote the text.
            case rewrote
            case passed
            case dropped
            case rejected(code: String)
            case failed
            /// The stage runs as a shadow, and the message goes on as it was.
            case shadowed
            /// The message is at the end of its chain.
            case arrived
        }

        package var direction: MessageFacts.Direction
        package var kind: String
        /// Nil for `entered` and `arrived`.
        package var stage: String?
        package var outcome: Outcome
        /// What the stage itself took.
        package var took: Duration?
        /// The text before and after the stage, when it changed.
        package var before: String?
        package var after: String?
    }

    package let records: AsyncStream<Record>
    private let continuation: AsyncStream<Record>.Continuation
    /// How many records are kept for a watcher that reads slowly; the oldest go first.
    private static let bufferSize = 1000

    package init() {
        (records, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.bufferSize))
    }

    func note(_ record: Record) { continuation.yield(record) }

    /// Nothing more will come.
    package func finish() { continuation.finish() }
}

/// Goes with a message, and with the run that it starts.
package enum PassageTraceKey: ContextKey {
    package typealias Value = PassageTrace
}

/// Notes the records of one message on one path.
struct PathNotes<Message: ChainMessage>: Sendable {
    let trace: PassageTrace
    let facts: MessageFacts

    init?(_ message: Message, _ context: MessageContext) {
        guard let trace = context[PassageTraceKey.self] else { return nil }
        self.trace = trace
        facts = message.facts(context)
    }

    func note(
        _ outcome: PassageTrace.Record.Outcome, stage: String? = nil, took: Duration? = nil,
        _ before: Message? = nil, _ after: Message? = nil
    ) {
        var record = PassageTrace.Record(
            direction: facts.direction, kind: facts.kind, stage: stage, outcome: outcome, took: took)
        if let before, let after, before.text != after.text {
            (record.before, record.after) = (before.text, after.text)
        }
        trace.note(record)
    }

    /// The message has left its chain, or will not.
    func end(_ passage: Passage?) {
        if passage == .delivered { note(.arrived) }
        // A chat goes on with the events of its run.
        let goesOn = facts.direction == .inbound ? facts.kind == "chat" && passage == .delivered : !isEnd
        if !goesOn { trace.finish() }
    }

    private var isEnd: Bool { EventKind(rawValue: facts.kind)?.isTerminal ?? true }
}
