import MiddlewareKit

/// A stage on the path of one kind of message, with what is left of its condition there.
final class PathStep: Sendable {
    let stage: Stage
    /// Who watches that a call ends in time; nil: it may take as long as it likes. A shadow always has a limit.
    let deadlines: Deadlines?
    /// Whether the next stage may block its thread as well, and no clock watches over it: then the message stays on these threads.
    let sharesThreads: Bool
    /// When the stage's function takes part; nil: never for this kind.
    let calls: Condition?
    /// When the stage's transform rewrites the text; nil: never for this kind.
    ///
    /// It is the condition for `delta`, so that streamed text and the whole text of the final take the same way.
    let rewrites: Condition?
    /// The stages below on this path that store rows with a message, and when they do.
    private let contributions: [(contributor: any RowContributor, condition: Condition)]
    /// They, where they always do; nil: that depends on the message.
    private let constantContributors: [any RowContributor]?

    private init(
        stage: Stage, deadlines: Deadlines?, calls: Condition?, rewrites: Condition?, next: PathStep?,
        contributions: [(contributor: any RowContributor, condition: Condition)]
    ) {
        self.stage = stage
        self.deadlines = deadlines
        sharesThreads = stage.executor.map { next?.isAlwaysCalled(on: $0) ?? false } ?? false
        self.calls = calls
        self.rewrites = rewrites
        self.contributions = contributions
        let areConstant = contributions.allSatisfy { $0.condition.constant == true }
        constantContributors = areConstant ? contributions.map(\.contributor) : nil
    }

    /// Whether every message meets the stage, and on these threads.
    private func isAlwaysCalled(on executor: any TaskExecutor) -> Bool {
        stage.mode == .enforce && stage.executor === executor && deadlines == nil && rewrites == nil
            && calls?.constant == true
    }

    /// Gives a context the contributors that are below this step.
    func prepare(_ context: inout MessageContext, for facts: @autoclosure () -> MessageFacts) {
        if let constantContributors {
            // On one path they get fewer from step to step: where there are as many as before they are the same.
            guard context.contributors.count != constantContributors.count else { return }
            context.contributors = constantContributors
        } else {
            let facts = facts()
            context.contributors = contributions.filter { $0.condition.matches(facts) }.map(\.contributor)
        }
    }

    /// The steps of a path: stages that have nothing to do on it are left out.
    ///
    /// - Parameter deadlines: By their limits.
    static func path(
        of stages: [Stage], _ deadlines: [Duration: Deadlines], _ direction: MessageFacts.Direction, _ kind: String,
        rewritesText: Bool,
        handles: (StagePaths) -> Bool
    ) -> [PathStep] {
        var steps: [PathStep] = []
        var contributions: [(contributor: any RowContributor, condition: Condition)] = []
        for stage in stages.reversed() {
            let paths = stage.middleware.handles
            let calls = handles(paths) ? stage.condition.narrowed(to: direction, kind) : nil
            let rewrites = rewritesText && paths.replyText ? stage.condition.narrowed(to: .outbound, "delta") : nil
            let step = PathStep(
                stage: stage, deadlines: stage.timeLimit.flatMap { deadlines[$0] }, calls: calls.possible,
                rewrites: rewrites.possible, next: steps.last, contributions: contributions)
            if step.calls != nil || step.rewrites != nil { steps.append(step) }
            if let contributor = stage.contributor, let calls = step.calls {
                contributions.insert((contributor, calls), at: 0)
            }
        }
        return steps.reversed()
    }
}

extension Condition? {
    /// Nil for a condition that no message meets.
    fileprivate var possible: Condition? { self?.constant == false ? nil : self }
}
