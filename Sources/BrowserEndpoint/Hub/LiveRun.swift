import DequeModule
import MiddlewareKit
import OpenClaw
import PipelineEngine
import Tracing

/// A run under way: its text so far, and the events that wait for the one before them. Lives on the hub's event loop.
final class LiveRun {
    /// Whole events, and text that arrived while an event or an awaiting transform was under way.
    enum Waiting {
        case text(TextChange)
        case event(EventKind, RunOutcome)
    }

    let run: Run
    /// The chain that the run began with; it also ends on it.
    let chain: Chain
    /// The context that the chat message had at the end of the chain, or a fresh one.
    let context: MessageContext
    let session: Session
    /// The session at the gateway that answers: the run's own, or another one when the message was routed.
    let upstream: SessionID
    /// The text that started it, as the gateway got it; nil when it was started elsewhere.
    var sentText: String?
    /// What the browser wrote, before any stage.
    var askedText: String?
    /// What the gateway calls it: another run's id when it took the message for one that it is answering already.
    var gatewayRunID: String
    /// Runs that end with this one: their messages were taken for the one that started it.
    var followers: [LiveRun] = []
    /// It ends with another one.
    var isFollower = false
    /// The gateway has it: nobody is still trying to hand the message over.
    var isAccepted = true
    /// It began before the server was started.
    var isRestored = false
    /// It was ended here, because the gateway said nothing. What it says later counts all the same.
    var wasGivenUp = false
    /// The search for its end that is under way; 0: none is.
    var search = 0
    /// It is only looked for: nothing was heard of it since the search began.
    var isSought = false
    /// Messages with the same words that were answered before the server was started.
    var twins: [SoughtRun.Twin] = []
    /// The browsers were told that it failed: what comes now is its end after all, and its text begins anew.
    var wasToldOfFailure = false
    /// What it was last said to be doing; nil once it said something.
    var phase: String?
    var replyText: ReplyText
    /// The gateway's text so far, before any transform.
    var rawText = ""
    /// What the browsers were given so far.
    var visibleText = ""
    /// When the message that started the run arrived, by the clock of the hub; nil: the run was started elsewhere.
    let arrivedAt: Duration?
    /// When its message first went out to the gateway; nil: it has not, or not from here.
    var sentAt: Duration?
    /// When the first text could be shown.
    var firstTextAt: Duration?
    /// When the terminal event came.
    var endedAt: Duration?
    /// What the gateway does, from the message's way to it to its last word; nil: the run is not traced.
    var gatewaySpan: (any Span)?
    /// When the gateway last said something of the run, by the clock of the hub.
    var lastHeard: Duration
    /// Numbers the frames of the run. One that goes on after its end counts on.
    var sequence = 0
    var waiting: Deque<Waiting> = []
    /// An event or a piece of text is in the hands of a stage.
    var isBusy = false
    /// What was waiting is being processed.
    var isInHand = false
    /// Those who wait until nothing is in hand.
    var restWaiters = Waiters()
    /// The terminal event has arrived; whatever follows is ignored.
    var hasEnded = false
    /// The browsers got the terminal event.
    var isEndShown = false
    /// Why a stage did not let the terminal event through; nil: none did.
    var refusal: Rejection?

    init(
        run: Run, chain: Chain, context: MessageContext, session: Session, upstream: SessionID, arrivedAt: Duration?,
        now: Duration
    ) {
        self.upstream = upstream
        self.run = run
        gatewayRunID = run.id
        self.chain = chain
        self.context = context
        self.session = session
        self.arrivedAt = arrivedAt
        lastHeard = now
        replyText = chain.makeReplyText(for: run, context: context)
    }

    var key: BrowserHub.RunKey { BrowserHub.RunKey(gateway: upstream.gateway, runID: run.id) }

    /// Nobody sent its message from here.
    var isForeign: Bool { sentText == nil && !isRestored }

    var timing: RunTiming {
        guard let arrivedAt else { return RunTiming() }
        return RunTiming(
            queued: sentAt.map { $0 - arrivedAt }, firstText: firstTextAt.map { $0 - arrivedAt },
            whole: endedAt.map { $0 - arrivedAt })
    }

    /// Queues text behind what waits; pieces that follow each other become one.
    func enqueue(_ change: TextChange) {
        guard case .text(let last)? = waiting.last else { return waiting.append(.text(change)) }
        waiting[waiting.count - 1] = .text(last.followed(by: change))
    }
}

/// What Sluice itself says of a run that is silent; the gateway has words of its own.
enum RunPhase {
    /// The gateway is away.
    static let waiting = "waiting_for_gateway"
    /// It did not answer the message in time, and gets it again with the same key.
    static let askedAgain = "asking_again"
    /// Its answer may have been missed, and the gateway is asked about it.
    static let sought = "looking_for_answer"
    /// The agent wants to run a command.
    static let approval = "waiting_for_approval"
}

/// What a whole event brings.
struct RunOutcome: Sendable {
    /// The gateway's whole text; nil: what was streamed.
    var text: String?
    var blocks: [ContentBlock] = []
    var usage: Usage?
    var model: String?
    /// A stage gave the answer; the gateway was not asked.
    var isWithoutModel = false
    var stopReason: String?
    var detail: String?
    var errorKind: String?
    var timestamp: Timestamp
}

extension TextChange {
    /// Nothing to tell anybody.
    var isEmpty: Bool { self == .append("") }
}
