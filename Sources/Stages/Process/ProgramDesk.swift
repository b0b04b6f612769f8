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
        /// How many programs ended over it.
        var ended = 0
        /// Nil: nobody waits any more, but the program still has it.
        var continuation: CheckedContinuation<ProgramProtocol.Answer, any Error>?
    }

    /// The program that is running.
    private struct Line {
        let send: @Sendable (String) -> Void
        let kill: @Sendable () -> Void
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
    ///   - patience: How long a program may have a question; after that it counts as hung.
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
                if let failure = put(id, line, continuation) {
                    continuation.resume(throwing: failure)
                    killIfHung()
                }
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
                line: line, sentAt: state.line == nil ? nil : now, continuation: continuation)
            state.line?.send(line)
            return nil
        }
    }

    func answer(_ answer: ProgramProtocol.Answer) {
        state.withLock { $0.waiting.removeValue(forKey: answer.id) }?.continuation?.resume(returning: answer)
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

    /// The time for an answer is over.
    func giveUp(_ id: Int) {
        let isAsked = state.withLock { $0.waiting[id]?.sentAt != nil }
        let limit = patience.optionText
        abandon(
            id,
            ProgramFailure(
                isAsked
                    ? "the program did not answer within \(limit)"
                    : "the program had ended, and was not ready again within \(limit)"))
        killIfHung()
    }

    /// Ends a program that has not answered for too long: everything else would wait behind it.
    func killIfHung() {
        let now = time.uptime
        let kill = state.withLock { state in
            state.waiting.values.contains { $0.sentAt.map { now - $0 >= patience } ?? false } ? state.line?.kill : nil
        }
        kill?()
    }

    /// A program is ready: it gets what waits, and what comes from now on.
    func open(send: @escaping @Sendable (String) -> Void, kill: @escaping @Sendable () -> Void) {
        let now = time.uptime
        state.withLock { state in
            state.line = Line(send: send, kill: kill)
            for id in state.waiting.keys.sorted() {
                state.waiting[id]?.sentAt = now
                if let line = state.waiting[id]?.line { send(line) }
            }
        }
    }

    /// The program has ended.
    func interrupt(because failure: ProgramFailure) {
        let failed = state.withLock { state in
            state.line = nil
            let oldest = state.waiting.filter { $0.value.sentAt != nil }.keys.min()
            state.waiting = state.waiting.filter { $0.value.continuation != nil }
            for id in state.waiting.keys { state.waiting[id]?.sentAt = nil }
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
struct ProgramFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
