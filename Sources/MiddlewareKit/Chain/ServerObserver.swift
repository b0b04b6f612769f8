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
    /// A run became known, here or elsewhere started, before its first text. Not again when its message is sent again, unless
    /// the server was started anew and no end of the run is kept.
    func runDidStart(_ run: Run)
    /// By a call, not by its first message.
    func sessionWasCreated(_ session: ObservedSession)
    func sessionWasDeleted(_ session: ObservedSession)
}

extension ServerObserver {
    public func messageWasRejected(_ rejected: RejectedMessage) {}
    public func gatewayDidConnect(_ gateway: String, isAgain: Bool) {}
    public func gatewayDidDisconnect(_ gateway: String) {}
    public func runDidStart(_ run: Run) {}
    public func sessionWasCreated(_ session: ObservedSession) {}
    public func sessionWasDeleted(_ session: ObservedSession) {}
}

/// A session that was made or deleted, and who did it.
public struct ObservedSession: Sendable, Hashable {
    public let gateway: String
    /// The canonical session key.
    public let key: String
    public let user: String?

    public init(gateway: String, key: String, user: String?) {
        self.gateway = gateway
        self.key = key
        self.user = user
    }
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
