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
    private var fields: Boxed<Fields>

    public var kind: EventKind { fields.value.kind }
    public var run: Run { fields.value.run }
    /// The text of the reply after the transforms of all stages up to this one.
    public package(set) var text: String {
        get { fields.value.text }
        _modify { yield &fields.value.text }
    }
    /// Parts of the answer beside its text: thinking, tool calls, images.
    public var blocks: [ContentBlock] {
        get { fields.value.blocks }
        _modify { yield &fields.value.blocks }
    }
    public var usage: Usage? {
        get { fields.value.usage }
        _modify { yield &fields.value.usage }
    }
    /// The model that answered, as `provider/id`, if the gateway tells; else the gateway's default model, if it tells that.
    public var model: String? {
        get { fields.value.model }
        _modify { yield &fields.value.model }
    }
    /// For an event that ends a run: how long it took.
    public var timing: RunTiming {
        get { fields.value.timing }
        _modify { yield &fields.value.timing }
    }
    public var stopReason: String? {
        get { fields.value.stopReason }
        _modify { yield &fields.value.stopReason }
    }
    /// For `error`: the gateway's own words. For `status`: the phase.
    public var detail: String? {
        get { fields.value.detail }
        _modify { yield &fields.value.detail }
    }
    /// For `error`: the kind that the gateway names, such as `rate_limit` or `timeout`.
    public var errorKind: String? {
        get { fields.value.errorKind }
        _modify { yield &fields.value.errorKind }
    }
    /// When the gateway says that it happened.
    public var timestamp: Timestamp { fields.value.timestamp }

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
        fields = Boxed(
            Fields(
                kind: kind, run: run, timestamp: timestamp, text: text, blocks: blocks, usage: usage, model: model,
                timing: timing, stopReason: stopReason, detail: detail, errorKind: errorKind))
    }

    private struct Fields: Sendable {
        let kind: EventKind
        let run: Run
        let timestamp: Timestamp
        var text: String
        var blocks: [ContentBlock]
        var usage: Usage?
        var model: String?
        var timing: RunTiming
        var stopReason: String?
        var detail: String?
        var errorKind: String?
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
