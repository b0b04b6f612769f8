/// What a browser asks for. Each kind has its own path through the chain.
public enum MessageKind: String, Sendable, Hashable, CaseIterable {
    /// A connection opens (or an HTTP call comes in): the moment to check who is there.
    case connect
    case chat
    case abort
    case history
    case subscribe
    case agents
    case models
    case sessions
    case gateways
    /// An HTTP call that changes a session or a gateway: create or delete.
    case manage
}

/// A message on its way from a browser to a gateway.
///
/// Stages may change the variable members before they call `next`; what is constant identifies the message.
public struct InboundMessage: Sendable {
    public let kind: MessageKind
    /// The id of the gateway that the message is for; empty for kinds that concern no single gateway.
    public let gateway: String
    /// The canonical session key, as the gateway spells it; nil for kinds without a session.
    public let sessionKey: String?
    /// The text of a `chat`, empty for every other kind.
    public var text: String
    public var attachments: [Attachment]
    /// Names the run that a `chat` starts, and the run that an `abort` means; sent to the gateway as idempotency key.
    public let runID: String?
    /// The answer to a `chat`, when a stage knows it: the gateway is not asked, and the text takes the way of its answers.
    public var answer: String?
    /// Where a `chat` goes instead of to `gateway`; nil: it goes there.
    public var route: MessageRoute?

    public init(
        kind: MessageKind,
        gateway: String = "",
        sessionKey: String? = nil,
        text: String = "",
        attachments: [Attachment] = [],
        runID: String? = nil
    ) {
        self.kind = kind
        self.gateway = gateway
        self.sessionKey = sessionKey
        self.text = text
        self.attachments = attachments
        self.runID = runID
    }
}

extension InboundMessage {
    /// The agent that the session key names, if it names one.
    public var agent: String? { sessionKey.flatMap(agentID(inSessionKey:)) }
}

/// The agent in a qualified key `agent:<agentId>:<rest>` (OpenClaw protocol: session keys).
package func agentID(inSessionKey key: String) -> String? {
    let parts = key.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    return parts.count == 3 && parts[0] == "agent" ? String(parts[1]) : nil
}

/// A file that goes with a chat message.
public struct Attachment: Sendable, Hashable {
    /// `image` or another word that the gateway knows.
    public var type: String
    public var mimeType: String
    public var fileName: String?
    /// The bytes in base64.
    public var content: String

    public init(type: String, mimeType: String, fileName: String? = nil, content: String) {
        self.type = type
        self.mimeType = mimeType
        self.fileName = fileName
        self.content = content
    }
}
