import OpenClaw

/// Decides what becomes of a run of which nothing was heard for long while its gateway was connected. Agents may work for a
/// long time without a word, so that silence alone says little.
struct QuietSearch {
    /// How long a run may be quiet before the gateway is asked, and how long until it is asked again.
    static let interval = Duration.seconds(180)
    /// After so many answers that settle nothing the run is given up: an hour.
    static let maxQuestions = 20

    private var last: RunFinding?
    private var questions = 0

    /// - Parameter finding: nil: the gateway gave no answer.
    mutating func judge(_ finding: RunFinding?) -> RunSearch.Verdict {
        defer { last = finding ?? last }
        switch finding {
        case .ended(let event, isActive: false):
            return .end(event)
        case .ended(let event, isActive: nil) where last == finding:
            return .end(event)
        case .pending(isActive: false) where last == finding:
            // Nothing goes on in the session, and there is no answer.
            return .giveUp(wasSeen: true)
        case .running, .ended(_, isActive: true), .pending(isActive: true):
            questions = 0
            return .askAgain
        case .ended, .pending, .unseen, nil:
            questions += 1
            return questions < Self.maxQuestions ? .askAgain : .giveUp(wasSeen: (finding ?? last).map(\.wasSeen))
        }
    }
}
