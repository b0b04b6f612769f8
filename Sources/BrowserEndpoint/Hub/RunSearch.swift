import OpenClaw

/// Decides what becomes of a run whose events were or may have been missed, by what the gateway's history says each time
/// that it is asked (OpenClaw protocol: after any reconnect).
struct RunSearch {
    enum Verdict: Equatable {
        case askAgain
        case end(ChatEvent)
        /// Nothing tells how it ended. `wasSeen`: whether at least the message had arrived, if that is known.
        case giveUp(wasSeen: Bool?)
    }

    /// How long to wait before each question. A run that the gateway calls active is asked about for longer.
    static let pauses: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(15), .seconds(30)]
    /// Between the questions about active runs.
    static let activePause = Duration.seconds(30)
    /// An active run is given up after so many questions: an hour.
    static let maxQuestions = 120

    private var last: RunFinding?
    private var questions = 0

    /// - Parameter finding: nil: the gateway gave no answer.
    mutating func judge(_ finding: RunFinding?) -> Verdict {
        defer { last = finding ?? last }
        questions += 1
        let isLate = questions >= Self.pauses.count
        switch finding {
        case .ended(let event, isActive: false):
            return .end(event)
        case .ended(let event, isActive: nil) where last == finding || isLate:
            // Nothing was added between two questions.
            return .end(event)
        case .running, .ended(_, isActive: true), .pending(isActive: true):
            return questions < Self.maxQuestions ? .askAgain : .giveUp(wasSeen: true)
        case .ended, .pending, .unseen, nil:
            guard isLate else { return .askAgain }
            return .giveUp(wasSeen: (finding ?? last).map { $0 != .unseen })
        }
    }
}
