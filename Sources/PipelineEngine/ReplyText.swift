import Logging
package import MiddlewareKit

/// The transforms of one run, in list order. A value; the caller feeds it from one place at a time.
///
/// Feed it with `feed` unless `isAwaiting`, then with `feedAwaiting`. Shadows are not in here: they read a reply when it is
/// whole, so that they cost nothing while it streams.
package struct ReplyText: Sendable {
    private struct Step: Sendable {
        let stage: Stage
        /// One of them, in a place of its own: what a transform keeps has one owner, and is not copied for each piece.
        var immediate: (any ReplyTransform)?
        var awaiting: (any AsyncReplyTransform)?
        /// The bytes that were fed since something last came out.
        var silent = 0
        /// It held back too much; the rest of the run goes by it.
        var isOut = false
        /// That it failed was told: once is enough for a run.
        var isTold = false

        mutating func take(_ transform: ReplyTransformKind) {
            switch transform {
            case .immediate(let transform): (immediate, awaiting) = (transform, nil)
            case .awaiting(let transform): (immediate, awaiting) = (nil, transform)
            }
            silent = 0
        }

        /// What it holds back is bounded.
        mutating func check(after piece: String, _ out: TextChange) throws(HoldExceeded) {
            guard case .append(let text) = out, text.utf8.count < piece.utf8.count else {
                silent = 0
                return
            }
            silent = text.isEmpty ? silent + piece.utf8.count : 0
            let limit = stage.hold.bytes
            guard immediate?.keptBack ?? awaiting?.keptBack ?? silent > limit else { return }
            throw .bytes(limit)
        }
    }

    private let run: Run
    private let time: any TimeSource
    private let logger: Logger
    /// Somebody follows the run.
    private let trace: PassageTrace?
    private var steps: [Step]
    /// A stage of this run must await something for each piece.
    package let isAwaiting: Bool

    init(stages: [Stage], run: Run, time: any TimeSource, context: MessageContext) {
        self.run = run
        self.time = time
        logger = context.logger
        trace = context[PassageTraceKey.self]
        steps = stages.compactMap { stage in
            guard stage.mode == .enforce, let transform = stage.middleware.makeReplyTransform(for: run) else {
                return nil
            }
            var step = Step(stage: stage)
            step.take(transform)
            return step
        }
        isAwaiting = steps.contains { $0.awaiting != nil }
    }

    /// Takes the next piece of the gateway's text and returns what the browsers get. Only for runs that do not await.
    ///
    /// - Throws: ``StageFailure`` of a stage that held back too much and fails closed; one that fails open lets go of what it
    ///   held, and the rest of the run goes by it.
    package mutating func feed(_ change: TextChange) throws(StageFailure) -> TextChange {
        var change = change
        for index in steps.indices {
            guard let piece = enter(index, change) else { return change }
            try feed(piece, to: index, &change)
        }
        return change
    }

    /// As `feed`, for runs with transforms that await. One that fails open, but not by what it held, lets the piece through as it
    /// came.
    ///
    /// - Throws: ``StageFailure`` of a stage that fails closed.
    package mutating func feedAwaiting(_ change: TextChange) async throws(StageFailure) -> TextChange {
        var change = change
        for index in steps.indices {
            guard let piece = enter(index, change) else { return change }
            guard let transform = steps[index].awaiting, !steps[index].isOut else {
                try feed(piece, to: index, &change)
                continue
            }
            do {
                change = try await feed(piece, to: transform, ofStep: index).following(change)
            } catch let failure as StageFailure {
                throw failure
            } catch {
                if error is HoldExceeded { steps[index].isOut = true }
                try apply(error, ofStep: index)
            }
        }
        return change
    }

    private mutating func feed(
        _ piece: String, to transform: any AsyncReplyTransform, ofStep index: Int
    ) async throws -> TextChange {
        let stage = steps[index].stage
        let (out, next) = try await stage.hold.bound(time, on: stage.executor) {
            var transform = transform
            return (try await transform.feed(piece[...]), transform)
        }
        steps[index].awaiting = next
        do throws(HoldExceeded) {
            try steps[index].check(after: piece, out)
            return out
        } catch {
            try apply(error, ofStep: index)
            steps[index].isOut = true
            return out.followed(
                by: try await stage.hold.bound(time, on: stage.executor) {
                    var transform = next
                    return try await transform.finish()
                })
        }
    }

    /// The text to feed to a step; nil when there is none. A replacement starts the step afresh.
    private mutating func enter(_ index: Int, _ change: TextChange) -> String? {
        switch change {
        case .append(let text):
            return text.isEmpty ? nil : text
        case .replace(let text):
            if let fresh = steps[index].stage.middleware.makeReplyTransform(for: run) { steps[index].take(fresh) }
            return text
        }
    }

    private mutating func feed(_ piece: String, to index: Int, _ change: inout TextChange) throws(StageFailure) {
        guard !steps[index].isOut, var out = steps[index].immediate?.feed(piece[...]) else { return }
        do {
            try steps[index].check(after: piece, out)
        } catch {
            try apply(error, ofStep: index)
            steps[index].isOut = true
            if let rest = steps[index].immediate?.finish() { out = out.followed(by: rest) }
        }
        change = out.following(change)
    }

    private mutating func apply(_ error: any Error, ofStep index: Int) throws(StageFailure) {
        let stage = steps[index].stage
        let isLate = error is HoldExceeded || error.isTimeout
        if !steps[index].isTold {
            logger.error("stage \(stage.name) failed on the text of a reply: \(error)")
            trace?.note(
                PassageTrace.Record(
                    direction: .outbound, kind: "delta", stage: stage.name, outcome: isLate ? .timedOut : .failed))
        }
        steps[index].isTold = true
        stage.figures.record(isLate ? .timedOut : .failed, took: .zero)
        if stage.onError == .closed { throw StageFailure(stage: stage.name, cause: .threw(error)) }
    }

    /// A whole text through a fresh transform of one stage: what the final event carries below that stage. Nothing of it
    /// streams, so `hold` does not bound how much it is.
    ///
    /// - Parameter isCut: The run did not reach its end.
    /// - Returns: Nil when the stage leaves the text of this run alone.
    static func whole(_ text: String, isCut: Bool, through stage: Stage, run: Run, time: any TimeSource) async throws
        -> String?
    {
        switch stage.middleware.makeReplyTransform(for: run) {
        case .immediate(var transform):
            var result = ""
            result.apply(transform.feed(text[...]))
            result.apply(isCut ? transform.breakOff() : transform.finish())
            return result
        case .awaiting(let transform):
            return try await stage.hold.bound(time, on: stage.executor) {
                var (transform, result) = (transform, "")
                result.apply(try await transform.feed(text[...]))
                result.apply(isCut ? try await transform.breakOff() : try await transform.finish())
                return result
            }
        case nil:
            return nil
        }
    }
}

extension TextChange {
    /// What follows a step whose input was `input`: its own output, as a replacement if the input was one.
    fileprivate func following(_ input: TextChange) -> TextChange {
        if case .replace = input, case .append(let text) = self { return .replace(text) }
        return self
    }

    /// Two changes as one.
    package func followed(by next: TextChange) -> TextChange {
        switch (self, next) {
        case (_, .replace): next
        case (.append(let first), .append(let second)): .append(first + second)
        case (.replace(let first), .append(let second)): .replace(first + second)
        }
    }
}
