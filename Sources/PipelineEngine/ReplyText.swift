package import MiddlewareKit

/// The transforms of one run, in list order. A value; the caller feeds it from one place at a time.
///
/// Feed it with `feed` unless `isAwaiting`, then with `feedAwaiting`.
package struct ReplyText: Sendable {
    private struct Step: Sendable {
        let stage: Stage
        var transform: ReplyTransformKind
        /// It held back too much; the rest of the run goes by it.
        var isOut = false
    }

    private let run: Run
    private let time: any TimeSource
    private var steps: [Step]
    /// A stage of this run must await something for each piece.
    package let isAwaiting: Bool

    init(stages: [Stage], run: Run, time: any TimeSource) {
        self.run = run
        self.time = time
        steps = stages.compactMap { stage in
            stage.middleware.makeReplyTransform(for: run).map { Step(stage: stage, transform: $0) }
        }
        isAwaiting = steps.contains { $0.transform.isAwaiting }
    }

    /// Takes the next piece of the gateway's text and returns what the browsers get. Only for runs that do not await.
    package mutating func feed(_ change: TextChange) -> TextChange {
        var change = change
        for index in steps.indices {
            guard let piece = enter(index, change) else { return change }
            guard case .immediate(var transform) = steps[index].transform else { continue }
            let out = transform.feed(piece[...])
            steps[index].transform = .immediate(transform)
            change = leave(index, change, out)
        }
        return change
    }

    /// As `feed`, for runs with transforms that await.
    ///
    /// - Throws: ``StageFailure`` of a stage that fails closed. One that fails open lets the piece through as it came; one that
    ///   held back too much lets through the rest of the run.
    package mutating func feedAwaiting(_ change: TextChange) async throws -> TextChange {
        var change = change
        for index in steps.indices {
            guard let piece = enter(index, change) else { return change }
            let stage = steps[index].stage
            guard !steps[index].isOut else { continue }
            switch steps[index].transform {
            case .immediate(var transform):
                let out = transform.feed(piece[...])
                steps[index].transform = .immediate(transform)
                change = leave(index, change, out)
            case .awaiting(let transform):
                do {
                    let (out, next) = try await stage.hold.bound(piece, time) {
                        var transform = transform
                        return (try await transform.feed(piece[...]), transform)
                    }
                    steps[index].transform = .awaiting(next)
                    change = leave(index, change, out)
                } catch {
                    steps[index].isOut = error is HoldExceeded
                    stage.figures.record(error is HoldExceeded ? .timedOut : .failed, took: .zero)
                    if stage.onError == .closed { throw StageFailure(stage: stage.name, cause: .threw(error)) }
                }
            }
        }
        return change
    }

    /// The text to feed to a step; nil when there is none. A replacement starts the step afresh.
    private mutating func enter(_ index: Int, _ change: TextChange) -> String? {
        switch change {
        case .append(let text):
            return text.isEmpty ? nil : text
        case .replace(let text):
            if let fresh = steps[index].stage.middleware.makeReplyTransform(for: run) {
                steps[index].transform = fresh
            }
            return text
        }
    }

    /// What follows the step: its own output, as a replacement if its input was one. A shadow's output is thrown away.
    private func leave(_ index: Int, _ input: TextChange, _ output: TextChange) -> TextChange {
        guard steps[index].stage.mode == .enforce else { return input }
        if case .replace = input, case .append(let text) = output { return .replace(text) }
        return output
    }

    /// A whole text through a fresh transform of one stage: what the final event carries below that stage.
    ///
    /// - Parameter isCut: The run did not reach its end.
    static func whole(_ text: String, isCut: Bool, through stage: Stage, run: Run, time: any TimeSource) async throws
        -> String
    {
        guard stage.mode == .enforce, let transform = stage.middleware.makeReplyTransform(for: run) else { return text }
        var result = ""
        switch transform {
        case .immediate(var transform):
            result.apply(transform.feed(text[...]))
            result.apply(isCut ? transform.breakOff() : transform.finish())
        case .awaiting(let transform):
            return try await stage.hold.bound(text, time) {
                var (transform, result) = (transform, "")
                result.apply(try await transform.feed(text[...]))
                result.apply(isCut ? try await transform.breakOff() : try await transform.finish())
                return result
            }
        }
        return result
    }
}

extension ReplyTransformKind {
    var isAwaiting: Bool {
        if case .awaiting = self { true } else { false }
    }
}
