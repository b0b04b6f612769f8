import JSON
import NIOCore

/// The runs of one gateway: finds the run that an event belongs to, by run id first and by session key second, and
/// turns frames into events for the observer.
///
/// Bounded: at most `liveLimit` runs are unfinished; one more evicts the one that was idle for the longest time, which
/// fails with kind `evicted`. The last `finishedLimit` finished runs are remembered, so that what comes late for
/// them is ignored. Runs outlive the socket: after a reconnect their later events go on where they stopped.
struct RunTable {
    static let liveLimit = 1_000
    static let finishedLimit = 1_000
    /// The kind of a failure becomes a name in figures and traces, so that a long one is cut, to so many Unicode scalars.
    private static let longestKind = 64

    struct Event {
        let run: GatewayRun
        let event: ChatEvent
    }

    let gatewayID: String
    var keys = SessionKeys()
    /// Failures of runs that had to make room; the caller delivers and empties them.
    var evictions: [Event] = []

    private var runs: [BorrowedBytes: GatewayRun] = [:]
    /// The ids of finished runs, oldest first.
    private var finished: CircularBuffer<String> = []
    private var clock = 0

    init(gatewayID: String) { self.gatewayID = gatewayID }

    var liveCount: Int { runs.count - finished.count }

    /// The run of this id, finished or not.
    func run(id: String) -> GatewayRun? {
        var id = id
        return id.withUTF8 { runs[BorrowedBytes(bytes: UnsafeRawBufferPointer($0))] }
    }

    // MARK: Our own runs

    /// A run that is about to be started here. Its events are matched by id, whatever session key they carry.
    @discardableResult
    mutating func register(id: String, sessionKey: String) -> GatewayRun {
        if let known = run(id: id) {
            if !known.isFinished { return known }
            forget(id: id)
        }
        return open(id: id, sessionKey: sessionKey, agentID: nil)
    }

    /// The gateway has not started this run after all, or answers under another id. No event is delivered for it.
    mutating func forget(id: String) {
        guard let run = run(id: id) else { return }
        if run.isFinished, let index = finished.firstIndex(of: id) { finished.remove(at: index) }
        runs[run.key] = nil
    }

    // MARK: Events

    /// The streaming path. Nil when there is nothing to deliver.
    mutating func receive(_ delta: RawDelta) throws(ReplyProgress.Failure) -> Event? {
        let run: GatewayRun
        if let known = runs[BorrowedBytes(bytes: delta.runID)] {
            run = known
        } else {
            run = open(
                id: String(decoding: delta.runID, as: UTF8.self),
                sessionKey: keys.canonical(String(decoding: delta.sessionKey, as: UTF8.self)),
                agentID: nil
            )
        }
        guard !run.isFinished else { return nil }
        touch(run)
        return try advance(run, snapshot: delta.snapshot, delta: delta.deltaText, replaces: delta.replaces)
    }

    /// Any `chat` event, from its parsed payload. Empty when there is nothing to deliver.
    mutating func receive(chat payload: JSONValue) throws(ReplyProgress.Failure) -> [Event] {
        guard let id = payload["runId"]?.string, !id.isEmpty, let state = payload["state"]?.string else {
            throw .malformed
        }
        let run =
            run(id: id)
            ?? open(
                id: id,
                sessionKey: keys.canonical(payload["sessionKey"]?.string ?? ""),
                agentID: payload["agentId"]?.string
            )
        guard !run.isFinished else { return [] }
        touch(run)
        switch state {
        case "delta":
            let event = try receive(delta: payload, run: run)
            return event.map { [$0] } ?? []
        case "status":
            guard let phase = payload["phase"]?.string else { return [] }
            return [Event(run: run, event: .status(phase: phase))]
        case "final":
            let message = answer(of: payload, run: run)
            return finish(run, with: .final(message), keepsStreamed: message == nil)
        case "aborted":
            let message = answer(of: payload, run: run)
            let event = ChatEvent.aborted(message, stopReason: payload["stopReason"]?.string)
            return finish(run, with: event, keepsStreamed: message == nil)
        case "error":
            let words = payload["errorMessage"]?.string ?? "the gateway says only that the run failed"
            let failure = RunFailure(
                message: words,
                kind: Self.kind(payload["errorKind"]?.string),
                partial: answer(of: payload, run: run)
            )
            return finish(run, with: .failed(failure), keepsStreamed: false)
        default:
            return []
        }
    }

    /// Nil: the gateway names none that could be read.
    private static func kind(_ text: String?) -> String? {
        guard let text, !text.allSatisfy(\.isWhitespace) else { return nil }
        return String(text.unicodeScalars.prefix(longestKind))
    }

    /// Marks a run as ended without an event, because the gateway says that it ended before, or nobody wants to hear of it any
    /// more. As no event will, it lets go of the observer's state.
    mutating func markFinished(id: String) {
        guard let run = run(id: id), !run.isFinished else { return }
        retire(run)
        run.owner = nil
    }

    /// A delta that is not in its usual form. Its text is escaped again, since progress is kept escaped.
    private mutating func receive(delta payload: JSONValue, run: GatewayRun) throws(ReplyProgress.Failure) -> Event? {
        let message = ChatMessage(json: payload["message"])
        let snapshot = message.flatMap { $0.role == "assistant" ? escaped($0.text) : nil }
        let delta = (payload["deltaText"]?.string).map(escaped)
        return try advance(
            run,
            snapshot: snapshot,
            delta: delta,
            replaces: payload["replace"]?.bool ?? false
        )
    }

    // MARK: Room

    private mutating func open(id: String, sessionKey: String, agentID: String?) -> GatewayRun {
        if liveCount >= Self.liveLimit { evictIdlest() }
        let agentID = SessionKeys.agentID(of: sessionKey) ?? agentID
        let run = GatewayRun(id: id, gatewayID: gatewayID, sessionKey: sessionKey, agentID: agentID)
        runs[run.key] = run
        touch(run)
        return run
    }

    private mutating func touch(_ run: GatewayRun) {
        clock += 1
        run.lastUse = clock
    }

    private mutating func evictIdlest() {
        guard let idlest = runs.values.filter({ !$0.isFinished }).min(by: { $0.lastUse < $1.lastUse }) else { return }
        retire(idlest)
        let words = "given up because more than \(Self.liveLimit) runs are under way on this gateway"
        evictions.append(Event(run: idlest, event: .failed(RunFailure(message: words, kind: "evicted"))))
    }

    /// Keeps only the id, to know what comes late.
    mutating func retire(_ run: GatewayRun) {
        run.isFinished = true
        run.progress = ReplyProgress()
        finished.append(run.id)
        guard finished.count > Self.finishedLimit else { return }
        let oldest = finished.removeFirst()
        if let old = self.run(id: oldest) { runs[old.key] = nil }
    }
}
