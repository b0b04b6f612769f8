/// What happened to a run, as a whole. Deltas are no events: stages meet them as a ``ReplyTransform``.
public enum EventKind: String, Sendable, Hashable, CaseIterable {
    /// The whole answer. Ends the run.
    case final
    /// The user stopped the run; the text is what had been said. Ends the run.
    case aborted
    /// The run failed. Ends the run.
    case error
    /// Progress without text, for example "starting the model".
    case status
    /// What somebody wrote in the session through another client or channel of the gateway; the text is theirs and no reply.
    case message

    /// True for the kinds that end a run. Each run has exactly one such event.
    public var isTerminal: Bool {
        switch self {
        case .final, .aborted, .error: true
        case .status, .message: false
        }
    }
}

/// An event on its way from a gateway to the browsers that watch its session.
///
/// The text cannot be set by a stage: a stage that changes reply text does it as a ``ReplyTransform``, so that what was
/// streamed, what is stored and what the final says are always the same text.
public struct OutboundEvent: Sendable {
    public let kind: EventKind
    public let run: Run
    /// The text of the reply after the transforms of all stages up to this one.
    public package(set) var text: String
    /// Parts of the answer beside its text: thinking, tool calls, images.
    public var blocks: [ContentBlock]
    public var usage: Usage?
    /// The model that answered, as `provider/id`, if the gateway tells; else the gateway's default model, if it tells that.
    public var model: String?
    /// For an event that ends a run: how long it took.
    public var timing: RunTiming
    public var stopReason: String?
    /// For `error`: the gateway's own words. For `status`: the phase.
    public var detail: String?
    /// For `error`: the kind that the gateway names, such as `rate_limit` or `timeout`.
    public var errorKind: String?
    /// When the gateway says that it happened.
    public let timestamp: Timestamp

    package init(
        kind: EventKind,
        run: Run,
        text: String = "",
        blocks: [ContentBlock] = [],
        usage: Usage? = nil,
        model: String? = nil,
        timing: RunTiming = RunTiming(),
        stopReason: String? = nil,
        detail: String? = nil,
        errorKind: String? = nil,
        timestamp: Timestamp
    ) {
        self.kind = kind
        self.run = run
        self.text = text
        self.blocks = blocks
        self.usage = usage
        self.model = model
        self.timing = timing
        self.stopReason = stopReason
        self.detail = detail
        self.errorKind = errorKind
        self.timestamp = timestamp
    }
}

/// A part of an answer that is not its visible text.
public enum ContentBlock: Sendable, Hashable {
    /// What the model thought. Never shown as text.
    case thinking(String)
    /// Any other block, as the JSON object that the gateway sent.
    case other(json: String)
}

/// Tokens as the gateway tells them. A number that was not told is nil, never 0.
public struct Usage: Sendable, Hashable {
    public var input: Int?
    public var output: Int?
    public var total: Int?
    public var cacheRead: Int?
    public var cacheWrite: Int?
    /// In US dollars.
    public var cost: Double?

    public init(
        input: Int? = nil, output: Int? = nil, total: Int? = nil, cacheRead: Int? = nil, cacheWrite: Int? = nil,
        cost: Double? = nil
    ) {
        self.input = input
        self.output = output
        self.total = total
        self.cacheRead = cacheRead
        self.cacheWrite = cacheWrite
        self.cost = cost
    }
}
