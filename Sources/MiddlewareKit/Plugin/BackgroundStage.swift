/// Implemented by a middleware that has work to do beside messages, such as writing what it counted.
public protocol BackgroundStage: Middleware {
    /// Called once when the stage's chain comes into use. It may run as long as the chain does; when the chain goes out of
    /// use its task is cancelled, and `cleanup` is called after it has returned.
    func run() async
}
