import Logging
import MiddlewareKit
import OpenClaw
import PipelineEngine
import Synchronization

/// Carries what the terminal found back to the one who sent the message.
final class CallResult<Value: Sendable>: Sendable {
    private let stored = Mutex<Value?>(nil)

    var value: Value? {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }

    /// - Throws: a ``Rejection`` when a stage dropped the message.
    func take(after passage: Passage) throws -> Value {
        if let value { return value }
        if case .dropped(let stage) = passage { throw Rejection.dropped(by: stage) }
        throw Rejection(code: "internal", message: "Something went wrong in the server. Its log says more.")
    }
}

extension Rejection {
    static func dropped(by stage: String) -> Rejection {
        Rejection(code: "dropped", message: "The stage “\(stage)” did not pass the message on.")
    }

    /// What a browser is told about an error. What is not meant for it goes to the log.
    ///
    /// - Parameter principal: Who is told; nil: somebody who is no administrator.
    init(answering error: any Error, to principal: Principal? = nil, logger: Logger) {
        switch error {
        case let rejection as Rejection:
            self = rejection
        case let failure as StageFailure:
            self = failure.rejection
        case let failure as StorageFailure:
            logger.error("the database failed: \(failure)")
            self = Rejection(code: "storage_failed", message: failure.description)
        case let error as GatewayError:
            self = Rejection(answering: error, to: principal)
        case let bad as BadFrame:
            self = Rejection(code: "bad_request", message: bad.message)
        default:
            logger.error("unexpected error: \(error)")
            self = Rejection(code: "internal", message: "Something went wrong in the server. Its log says more.")
        }
    }
}
