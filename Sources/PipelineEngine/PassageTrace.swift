package import MiddlewareKit
import Synchronization

/// What happens to one message, stage by stage, for somebody who watches: from where it enters its chain to where it leaves
/// it, and for a chat on through the events of its run.
package final class PassageTrace: Sendable {
    package struct Record: Sendable, Hashable {
        package enum Outcome: Sendable, Hashable {
            /// Nothing happened for a while.
            case waiting
            /// The time is over: no message came for which the condition holds, or what came is not at its end yet.
            case expired(isMatched: Bool)
            /// The message is at the beginning of its chain.
            case entered
            /// The condition of the stage does not hold.
            case skipped
            /// The stage's transform rewrote the text.
            case rewrote
            case passed
            case dropped
            case rejected(code: String, message: String)
            case failed
            case timedOut
            /// The message is at the end of its chain.
            case arrived
        }

        package var direction: MessageFacts.Direction
        package var kind: String
        /// With `entered`: the name of the chain that the message goes through.
        package var chain: String?
        /// Nil for `entered` and `arrived`.
        package var stage: String?
        package var outcome: Outcome
        /// The stage runs as a shadow: the outcome is what it would have been, and the message goes on as it was.
        package var isShadow = false
        /// What the stage itself took.
        package var took: Duration?
        /// What the stage changed of the text.
        package var change: TextDifference?
    }

    package let records: AsyncStream<Record>
    private let continuation: AsyncStream<Record>.Continuation
    /// How many shadows are still to say something, and whether the message itself is at its end.
    private let open = Mutex((held: 0, isOver: false))
    /// How many records are kept for a watcher that reads slowly; the oldest go first.
    private static let bufferSize = 1000

    package init() {
        (records, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.bufferSize))
    }

    func note(_ record: Record) { continuation.yield(record) }

    /// Says that it is still there, so that nobody between here and the watcher takes the connection for a dead one.
    package func noteWaiting() { note(Record(direction: .inbound, kind: "", outcome: .waiting)) }

    /// Says that the time is over, and ends.
    package func expire(isMatched: Bool) {
        note(Record(direction: .inbound, kind: "", outcome: .expired(isMatched: isMatched)))
        finish()
    }

    /// Somebody who does not hold up the message will have something to say of it.
    func hold() { open.withLock { $0.held += 1 } }

    func release() {
        let isLast = open.withLock { open in
            open.held -= 1
            return open.isOver && open.held == 0
        }
        if isLast { finish() }
    }

    /// The message is at its end: nothing more will come but of those who hold the trace.
    func end() {
        let isLast = open.withLock { open in
            open.isOver = true
            return open.held == 0
        }
        if isLast { finish() }
    }

    /// Nothing more will come.
    package func finish() { continuation.finish() }

    /// Runs `action` when nothing more will come, or nobody watches any more.
    package func onEnd(_ action: @escaping @Sendable () -> Void) { continuation.onTermination = { _ in action() } }
}

/// Goes with a message, and with the run that it starts.
package enum PassageTraceKey: ContextKey {
    package typealias Value = PassageTrace
}

/// Notes the records of one message on one path.
final class PathNotes<Message: ChainMessage>: Sendable {
    let trace: PassageTrace
    private let facts: MessageFacts
    private let chain: String
    private let isShadow: Bool

    /// Nil: nobody watches the message.
    ///
    /// - Parameter chain: Its name.
    init?(_ message: Message, _ context: MessageContext, chain: String) {
        guard let trace = context[PassageTraceKey.self] else { return nil }
        self.trace = trace
        self.chain = chain
        facts = message.facts(context)
        isShadow = false
    }

    private init(ofShadowBeside notes: PathNotes) {
        (trace, facts, chain, isShadow) = (notes.trace, notes.facts, notes.chain, true)
    }

    /// For what a stage would have done.
    var ofShadow: PathNotes { PathNotes(ofShadowBeside: self) }

    func begin() {
        var record = record(.entered)
        record.chain = chain
        trace.note(record)
    }

    func note(
        _ outcome: PassageTrace.Record.Outcome, stage: String, took: Duration? = nil,
        _ before: Message? = nil, _ after: Message? = nil
    ) {
        var record = record(outcome)
        (record.stage, record.isShadow, record.took) = (stage, isShadow, took)
        if let before, let after { record.change = TextDifference(from: before.text, to: after.text) }
        trace.note(record)
    }

    private func record(_ outcome: PassageTrace.Record.Outcome) -> PassageTrace.Record {
        PassageTrace.Record(direction: facts.direction, kind: facts.kind, outcome: outcome)
    }

    /// The message has left its chain, or will not.
    func end(_ passage: Passage?) {
        if passage == .delivered { trace.note(record(.arrived)) }
        // A chat goes on with the events of its run.
        let goesOn = facts.direction == .inbound ? facts.kind == "chat" && passage == .delivered : !isEnd
        if !goesOn { trace.end() }
    }

    private var isEnd: Bool { EventKind(rawValue: facts.kind)?.isTerminal ?? true }
}

extension PassageTrace.Record.Outcome {
    /// What a stage threw; nil: nothing.
    init?(of error: (any Error)?) {
        switch error {
        case nil: return nil
        case let rejection as Rejection: self = .rejected(code: rejection.code, message: rejection.message)
        case let failure as StageFailure:
            self = failure.isTimeout ? .timedOut : .failed
        default: self = .failed
        }
    }
}
