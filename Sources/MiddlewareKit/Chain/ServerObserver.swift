/// Implemented by a middleware that wants to know of more than the messages that reach it.
///
/// The calls come one by one from where things happen, often the thread that serves all sockets: return at once.
public protocol ServerObserver: Middleware {
    /// A stage of the chain, or the server before it, turned a message away; or a stage failed, and its `on-error` is closed.
    func messageWasRejected(_ rejected: RejectedMessage)
    /// - Parameter isAgain: It was connected before, since the server was started.
    func gatewayDidConnect(_ gateway: String, isAgain: Bool)
    /// The connection was lost. Not called for attempts to connect that fail.
    func gatewayDidDisconnect(_ gateway: String)
}

extension ServerObserver {
    public func messageWasRejected(_ rejected: RejectedMessage) {}
    public func gatewayDidConnect(_ gateway: String, isAgain: Bool) {}
    public func gatewayDidDisconnect(_ gateway: String) {}
}

/// A message from a browser that went no further.
public struct RejectedMessage: Sendable {
    public let message: InboundMessage
    /// As it was when the message was turned away.
    public let context: MessageContext
    /// The name of the stage; nil: the server itself, before the chain.
    public let stage: String?
    /// The word for programs, such as `rate_limited`; `stage_failed` or `stage_timeout` when the stage failed.
    public let code: String

    public init(message: InboundMessage, context: MessageContext, stage: String?, code: String) {
        self.message = message
        self.context = context
        self.stage = stage
        self.code = code
    }
}
