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

    /// The run began before the server was started: its message may never have set out.
    private let isRestored: Bool
    private var last: RunFinding?
    private var questions = 0
    /// Since the gateway last said that something goes on.
    private var fruitless = 0

    init(isRestored: Bool = false) { self.isRestored = isRestored }

    /// - Parameter finding: nil: the gateway gave no answer.
    mutating func judge(_ finding: RunFinding?) -> Verdict {
        defer { last = finding ?? last }
        questions += 1
        fruitless = finding?.isActive == true ? 0 : fruitless + 1
        let isLate = fruitless >= Self.pauses.count
        switch finding {
        case .ended(let event, isActive: false):
            return .end(event)
        case .ended(let event, isActive: nil) where last == finding || isLate:
            // Nothing was added between two questions.
            return .end(event)
        case .unseen(isActive: false) where isRestored && last == finding:
            // It would be there by now, and has nothing to wait for.
            return .giveUp(wasSeen: false)
        case .running, .ended(_, isActive: true), .pending(isActive: true), .unseen(isActive: true):
            return questions < Self.maxQuestions ? .askAgain : .giveUp(wasSeen: finding?.wasSeen)
        case .ended, .pending, .unseen, nil:
            guard isLate else { return .askAgain }
            return .giveUp(wasSeen: (finding ?? last).map(\.wasSeen))
        }
    }
}

extension RunFinding {
    /// Whether something goes on in the session; nil: not known.
    fileprivate var isActive: Bool? {
        switch self {
        case .running: true
        case .unseen(let isActive), .pending(let isActive), .ended(_, let isActive): isActive
        }
    }
}
