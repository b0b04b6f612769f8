/// An error of a stage that may mean that something outside was waited for too long. Where it does, the engine counts it among
/// the timeouts of the stage, and the sender learns that it took too long; any other error is a failure.
public protocol TimeoutIndicating: Error {
    var isTimeout: Bool { get }
}
