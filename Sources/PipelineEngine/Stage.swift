package import MiddlewareKit

/// One configured instance of a middleware, with what its entry in config.yaml says about it.
package final class Stage: Sendable {
    package enum Mode: Sendable, Hashable {
        case enforce
        /// The stage runs for its figures, beside the message; what it does has no effect.
        case shadow
    }

    /// The time limit of a shadow that has no `timeout`.
    private static let shadowLimit = Duration.seconds(30)

    /// The instance's name, unique in a chain.
    package let name: String
    /// The word after `use:`.
    package let kind: String
    /// Shared with the same stage of other chains and generations.
    package let instance: StageInstance
    package var middleware: any Middleware { instance.middleware }
    package var figures: StageFigures { instance.figures }
    /// When the stage takes part.
    package let condition: Condition
    package let mode: Mode
    /// The time a call may take, not counting the stages below it; nil: as long as it likes.
    package let timeout: Duration?
    package let onError: FailurePolicy
    /// When a call is left behind; nil: never.
    var timeLimit: Duration? { timeout ?? (mode == .shadow ? Self.shadowLimit : nil) }
    /// Where calls run, which may compute for long or block their thread; nil: they are quick, and run where the message is.
    package let executor: (any TaskExecutor)?
    /// Where the stages below run; nil: where the message is. They do not wait for a thread of this stage: all may be blocked, and
    /// then nobody would be left to end a call whose time is over.
    var executorBelow: (any TaskExecutor)? { executor == nil ? nil : globalConcurrentExecutor }
    /// What the stage's transform may keep back.
    package let hold: Hold
    /// The stage's own options as YAML, without secrets.
    package let options: String
    /// The middleware, if it stores rows with the messages of a persist stage above it.
    let contributor: (any RowContributor)?

    package init(
        name: String,
        kind: String,
        instance: StageInstance,
        condition: Condition = .always,
        mode: Mode = .enforce,
        timeout: Duration? = nil,
        onError: FailurePolicy = .closed,
        executor: (any TaskExecutor)? = globalConcurrentExecutor,
        hold: Hold = Hold(),
        options: String = "{}"
    ) {
        self.name = name
        self.kind = kind
        self.instance = instance
        self.condition = condition
        self.mode = mode
        self.timeout = timeout
        self.onError = onError
        self.executor = executor
        self.hold = hold
        self.options = options
        contributor = mode == .enforce ? instance.middleware as? any RowContributor : nil
    }

    /// A stage with an instance of its own.
    package convenience init(
        name: String, kind: String, middleware: any Middleware, condition: Condition = .always, mode: Mode = .enforce,
        timeout: Duration? = nil, onError: FailurePolicy = .closed,
        executor: (any TaskExecutor)? = globalConcurrentExecutor, hold: Hold = Hold()
    ) {
        self.init(
            name: name, kind: kind, instance: StageInstance(name: name, middleware: middleware), condition: condition,
            mode: mode, timeout: timeout, onError: onError, executor: executor, hold: hold)
    }
}

/// A stage threw something that is no rejection, or took too long, and its entry says `on-error: closed`.
package struct StageFailure: Error, Sendable, CustomStringConvertible {
    package enum Cause: Sendable {
        case threw(any Error)
        case timedOut(after: Duration)
    }

    package let stage: String
    package let cause: Cause

    /// The stage took too long, or something that it waited for did.
    package var isTimeout: Bool {
        switch cause {
        case .threw(let error): error.isTimeout
        case .timedOut: true
        }
    }

    /// For the log.
    package var description: String {
        switch cause {
        case .threw(let error): "the stage “\(stage)” failed: \(error)"
        case .timedOut(let limit): "the stage “\(stage)” took longer than \(limit.optionText)"
        }
    }

    /// What the browser is told; the cause is for the log only.
    package var rejection: Rejection {
        isTimeout
            ? Rejection(code: "stage_timeout", message: "The stage “\(stage)” took too long.", retryAfterMs: 1000)
            : Rejection(code: "stage_failed", message: "The stage “\(stage)” failed. The server's log says why.")
    }
}

extension Error {
    /// See ``TimeoutIndicating``.
    var isTimeout: Bool { (self as? any TimeoutIndicating)?.isTimeout ?? false }
}

/// How a message's way through the chain ended, when nothing was thrown.
package enum Passage: Sendable, Hashable {
    /// The terminal got it.
    case delivered
    /// A stage did not pass it on.
    case dropped(stage: String)
}
