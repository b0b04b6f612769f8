import MiddlewareKit
import Synchronization

/// The questions that wait for answers of a program, whether it runs or is being started again. Safe to use from anywhere.
///
/// What a program leaves unanswered when it ends is put to the next one. Programs mostly answer in order, so the oldest
/// question is taken for what ended it: it is given up when a second program ends over it. So a restart loses nothing else,
/// and no question is asked for ever.
final class ProgramDesk: Sendable {
    private struct Waiting {
        let line: String
        /// When the program that is running got it.
        var sentAt: Duration?
        /// When the wait for the answer, or for a program to give it, began.
        var since: Duration
        /// How many programs ended over it.
        var ended = 0
        /// Nil: nobody waits any more, but the program still has it.
        var continuation: CheckedContinuation<ProgramProtocol.Answer, any Error>?

        mutating func wait(since now: Duration, isAsked: Bool) { (since, sentAt) = (now, isAsked ? now : nil) }
    }

    /// The program that is running.
    private struct Line {
        let send: @Sendable (String) -> Void
        let end: @Sendable (_ reason: ProgramFailure) -> Void
        /// When it was last heard of.
        var heardAt: Duration
        /// When the youngest question was put to it that it has answered.
        var newestAnswer = Duration.zero
    }

    private struct State {
        var lastID = 0
        var waiting: [Int: Waiting] = [:]
        var line: Line?
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private let patience: Duration
    private let time: any TimeSource

    /// - Parameters:
    ///   - limit: How many questions may wait.
    ///   - patience: How long a program may have a question, and how long one may be waited for. A program that has questions and
    ///     answers nothing for so long counts as hung.
    init(limit: Int, patience: Duration, time: any TimeSource) {
        self.limit = limit
        self.patience = patience
        self.time = time
    }

    var count: Int { state.withLock { $0.waiting.count } }

    func nextID() -> Int {
        state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
    }

    /// Waits for the answer to a question.
    /// - Throws: ``ProgramFailure``; `CancellationError` when the task was cancelled.
    func ask(_ id: Int, _ line: String) async throws -> ProgramProtocol.Answer {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if let failure = put(id, line, continuation) { continuation.resume(throwing: failure) }
                // The handler below may have run before there was anything to take away.
                if Task.isCancelled { abandon(id, CancellationError()) }
            }
        } onCancel: {
            abandon(id, CancellationError())
        }
    }

    /// - Returns: Why it cannot be asked.
    private func put(
        _ id: Int, _ line: String, _ continuation: CheckedContinuation<ProgramProtocol.Answer, any Error>
    ) -> ProgramFailure? {
        let now = time.uptime
        return state.withLock { state in
            if state.isClosed { return ProgramFailure("the stage is being taken down") }
            if state.waiting.count >= limit { return ProgramFailure("\(limit) messages wait for the program already") }
            state.waiting[id] = Waiting(
                line: line, sentAt: state.line == nil ? nil : now, since: now, continuation: continuation)
            state.line?.send(line)
            return nil
        }
    }

    func answer(_ answer: ProgramProtocol.Answer) {
        let now = time.uptime
        let answered = state.withLock { state in
            let answered = state.waiting.removeValue(forKey: answer.id)
            state.line?.heardAt = now
            if let line = state.line, let sentAt = answered?.sentAt {
                state.line?.newestAnswer = max(line.newestAnswer, sentAt)
            }
            return answered
        }
        answered?.continuation?.resume(returning: answer)
    }

    /// Nobody waits for the answer any more.
    func abandon(_ id: Int, _ error: any Error) {
        let continuation = state.withLock { state in
            defer {
                // What no program has is not kept for one.
                if state.waiting[id]?.sentAt == nil {
                    state.waiting[id] = nil
                } else {
                    state.waiting[id]?.continuation = nil
                }
            }
            return state.waiting[id]?.continuation
        }
        continuation?.resume(throwing: error)
    }

    /// Gives a question up that has waited for too long.
    ///
    /// - Returns: How long it may wait still; nil: it does not any more.
    func timeLeft(for id: Int) -> Duration? {
        let now = time.uptime
        let (left, isAsked, others) = state.withLock { state in
            // It may not have been put yet; one that was answered is looked after no longer.
            guard let waiting = state.waiting[id] else { return (patience, false, 0) }
            return (waiting.since + patience - now, waiting.sentAt != nil, state.waiting.count - 1)
        }
        guard left <= .zero else { return left }
        let limit = patience.optionText
        let words =
            if !isAsked {
                "the program had ended, and was not ready again within \(limit)"
            } else if others > 0 {
                "the program did not answer within \(limit); \(others) other questions wait for it"
            } else {
                "the program did not answer within \(limit)"
            }
        abandon(id, ProgramFailure(words, isTimeout: true))
        return nil
    }

    /// Ends a program that has answered nothing for too long: everything else would wait behind it. One that answers other
    /// questions meanwhile is only slow.
    ///
    /// - Returns: When to look again; nil: it was ended.
    func timeUntilHung() -> Duration? {
        let now = time.uptime
        let (left, overdue, end) = state.withLock { state in
            guard let line = state.line else {
                return (patience, [Int](), nil as (@Sendable (ProgramFailure) -> Void)?)
            }
            // What nobody waits for, and it passed over when it answered what came long after, it has lost.
            state.waiting = state.waiting.filter { _, waiting in
                waiting.continuation != nil || waiting.sentAt.map { $0 + patience > line.newestAnswer } ?? true
            }
            // A question that comes later is not due before that.
            let oldest = state.waiting.values.lazy.compactMap(\.sentAt).min() ?? now
            let left = max(oldest, line.heardAt) + patience - now
            guard left <= .zero else { return (left, [], nil) }
            return (left, state.waiting.filter { $0.value.since + patience <= now }.map(\.key), line.end)
        }
        guard let end else { return left }
        // Before it ends: the next program is not to hang over them.
        for id in overdue { _ = timeLeft(for: id) }
        end(ProgramFailure("the program answered nothing for \(patience.optionText), and was ended"))
        return nil
    }

    /// A program is ready: it gets what waits, and what comes from now on.
    ///
    /// - Parameter end: Ends the program, once.
    func open(
        send: @escaping @Sendable (String) -> Void, end: @escaping @Sendable (_ reason: ProgramFailure) -> Void
    ) {
        let now = time.uptime
        state.withLock { state in
            state.line = Line(send: send, end: end, heardAt: now)
            for id in state.waiting.keys.sorted() {
                state.waiting[id]?.wait(since: now, isAsked: true)
                if let line = state.waiting[id]?.line { send(line) }
            }
        }
    }

    /// The program has ended.
    func interrupt(because failure: ProgramFailure) {
        let now = time.uptime
        let failed = state.withLock { state in
            state.line = nil
            let oldest = state.waiting.filter { $0.value.sentAt != nil }.keys.min()
            state.waiting = state.waiting.filter { $0.value.continuation != nil }
            for id in state.waiting.keys { state.waiting[id]?.wait(since: now, isAsked: false) }
            guard let oldest, let ended = state.waiting[oldest]?.ended else { return nil as Waiting? }
            state.waiting[oldest]?.ended = ended + 1
            return ended + 1 >= 2 ? state.waiting.removeValue(forKey: oldest) : nil
        }
        failed?.continuation?.resume(throwing: failure)
    }

    func close() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            state.isClosed = true
            return state.waiting
        }
        for (_, waiting) in waiting {
            waiting.continuation?.resume(throwing: ProgramFailure("the stage is being taken down"))
        }
    }
}

/// Why a program could not do its part, for the log.
struct ProgramFailure: TimeoutIndicating, CustomStringConvertible {
    let description: String
    let isTimeout: Bool

    init(_ description: String, isTimeout: Bool = false) {
        (self.description, self.isTimeout) = (description, isTimeout)
    }
}
