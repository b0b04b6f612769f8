package import MiddlewareKit

/// One configured instance of a middleware, with what its entry in config.yaml says about it.
package struct Stage: Sendable {
    package enum Mode: Sendable, Hashable {
        case enforce
        /// The stage runs for its figures; what it does to the message has no effect.
        case shadow
    }

    /// The instance's name, unique in a chain.
    package let name: String
    /// The word after `use:`.
    package let kind: String
    package let middleware: any Middleware
    /// When the stage takes part; nil: always.
    package let condition: Condition?
    package let mode: Mode
    /// The time a call may take, not counting the stages below it; nil: as long as it likes.
    package let timeout: Duration?
    package let onError: FailurePolicy
    /// Whether calls may run on the thread that serves all sockets.
    package let isQuick: Bool
    package let figures: StageFigures
    /// The middleware, if it stores rows with the messages of a persist stage above it.
    let contributor: (any RowContributor)?

    package init(
        name: String,
        kind: String,
        middleware: any Middleware,
        condition: Condition? = nil,
        mode: Mode = .enforce,
        timeout: Duration? = nil,
        onError: FailurePolicy = .closed,
        isQuick: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.middleware = middleware
        self.condition = condition
        self.mode = mode
        self.timeout = timeout
        self.onError = onError
        self.isQuick = isQuick
        figures = StageFigures(stage: name)
        contributor = mode == .enforce ? middleware as? any RowContributor : nil
    }
}

/// A stage threw something that is no rejection, or took too long, and its entry says `on-error: closed`.
package struct StageFailure: Error, Sendable {
    package enum Cause: Sendable {
        case threw(any Error)
        case timedOut(after: Duration)
    }

    package let stage: String
    package let cause: Cause

    /// What the browser is told; the cause is for the log only.
    package var rejection: Rejection {
        switch cause {
        case .threw:
            Rejection(code: "stage_failed", message: "The stage “\(stage)” failed. The server's log says why.")
        case .timedOut:
            Rejection(code: "stage_timeout", message: "The stage “\(stage)” took too long.", retryAfterMs: 1000)
        }
    }
}

/// How a message's way through the chain ended, when nothing was thrown.
package enum Passage: Sendable, Hashable {
    /// The terminal got it.
    case delivered
    /// A stage did not pass it on.
    case dropped(stage: String)
}
