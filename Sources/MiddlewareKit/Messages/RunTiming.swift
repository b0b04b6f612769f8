/// How long the parts of a run took, counted from the arrival of the message that started it. What was not seen is nil,
/// never 0: a run that was started elsewhere has no arrival.
public struct RunTiming: Sendable, Hashable {
    /// Until the message was on its way to the gateway: waiting for messages before it, the stages, and waiting for a gateway that
    /// is away.
    public var queued: Duration?
    /// Until the first text of the reply came from the gateway.
    public var firstText: Duration?
    /// Until the gateway's last word.
    public var whole: Duration?

    public init(queued: Duration? = nil, firstText: Duration? = nil, whole: Duration? = nil) {
        self.queued = queued
        self.firstText = firstText
        self.whole = whole
    }
}
