/// Hands a message on to the next stage, and at last to the terminal: the gateway or the browsers.
///
/// Call it at most once, and before the stage returns. It throws what a later stage threw.
public typealias Next<Message> = (Message, MessageContext) async throws -> Void

/// The behaviour of one stage. An immutable value that all messages share, called concurrently for different runs.
///
/// Messages meet the stages in list order, in both directions. Messages of one session from one connection come one after
/// the other, events of one run come one after the other and in order; nothing else is ordered.
/// All requirements have a default that passes everything through.
public protocol Middleware: Sendable {
    /// The kinds that this stage has something to do for. It is left out of every other path.
    var handles: StagePaths { get }

    /// Browser to gateway. Not calling `next` drops the message; throwing a ``Rejection`` answers the browser.
    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws

    /// Gateway to browser: whole events.
    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws

    /// A fresh, private rewriter for the text of one run, or nil: this stage leaves the text alone.
    func makeReplyTransform(for run: Run) -> ReplyTransformKind?

    /// The chain that this stage belongs to is out of use: no call is running and none will come.
    func cleanup() async
}

extension Middleware {
    public var handles: StagePaths { .all }

    public func inbound(
        _ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>
    ) async throws {
        try await next(message, context)
    }

    public func outbound(
        _ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>
    ) async throws {
        try await next(event, context)
    }

    public func makeReplyTransform(for run: Run) -> ReplyTransformKind? { nil }

    public func cleanup() async {}
}

/// The paths of the chain that a stage takes part in.
public struct StagePaths: Sendable, Hashable {
    public var inbound: Set<MessageKind>
    public var outbound: Set<EventKind>
    /// Whether `makeReplyTransform` may return a transform.
    public var replyText: Bool

    public init(inbound: Set<MessageKind> = [], outbound: Set<EventKind> = [], replyText: Bool = false) {
        self.inbound = inbound
        self.outbound = outbound
        self.replyText = replyText
    }

    public static let all = StagePaths(
        inbound: Set(MessageKind.allCases), outbound: Set(EventKind.allCases), replyText: true)
}

/// Thrown by a stage to answer the browser instead of passing its message on.
public struct Rejection: Error, Sendable, Hashable, CustomStringConvertible {
    /// A word for programs, such as `rate_limited`.
    public let code: String
    /// A sentence for the person in front of the browser. Never put a secret here. An empty one becomes “This was refused.”
    public let message: String
    public let retryAfterMs: Int?

    public init(code: String, message: String, retryAfterMs: Int? = nil) {
        self.code = code
        self.message = message.allSatisfy(\.isWhitespace) ? "This was refused." : message
        self.retryAfterMs = retryAfterMs
    }

    /// For the log.
    public var description: String { "rejected, \(code): \(message)" }
}
