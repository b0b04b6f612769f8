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
    private var fields: Boxed<Fields>

    public var kind: MessageKind { fields.value.kind }
    /// The id of the gateway that the message is for; empty for kinds that concern no single gateway.
    public var gateway: String { fields.value.gateway }
    /// The canonical session key, as the gateway spells it; nil for kinds without a session.
    public var sessionKey: String? { fields.value.sessionKey }
    /// The text of a `chat`, empty for every other kind.
    public var text: String {
        get { fields.value.text }
        _modify { yield &fields.value.text }
    }
    public var attachments: [Attachment] {
        get { fields.value.attachments }
        _modify { yield &fields.value.attachments }
    }
    /// Names the run that a `chat` starts, and the run that an `abort` means; sent to the gateway as idempotency key.
    public var runID: String? { fields.value.runID }
    /// The agent that the session key names, if it names one.
    public var agent: String? { fields.value.agent }
    /// The answer to a `chat`, when a stage knows it: the gateway is not asked, and the text takes the way of its answers.
    public var answer: String? {
        get { fields.value.answer }
        _modify { yield &fields.value.answer }
    }
    /// Where a `chat` goes instead of to `gateway`; nil: it goes there.
    public var route: MessageRoute? {
        get { fields.value.route }
        _modify { yield &fields.value.route }
    }

    public init(
        kind: MessageKind,
        gateway: String = "",
        sessionKey: String? = nil,
        text: String = "",
        attachments: [Attachment] = [],
        runID: String? = nil
    ) {
        fields = Boxed(
            Fields(
                kind: kind, gateway: gateway, sessionKey: sessionKey, runID: runID,
                agent: sessionKey.flatMap(agentID(inSessionKey:)), text: text, attachments: attachments))
    }

    private struct Fields: Sendable {
        let kind: MessageKind
        let gateway: String
        let sessionKey: String?
        let runID: String?
        let agent: String?
        var text: String
        var attachments: [Attachment]
        var answer: String?
        var route: MessageRoute?
    }
}

/// The agent in a qualified key `agent:<agentId>:<rest>` (OpenClaw protocol: session keys).
package func agentID(inSessionKey key: String) -> String? {
    let prefix = "agent:"
    guard key.utf8.starts(with: prefix.utf8) else { return nil }
    let rest = key.utf8.dropFirst(prefix.utf8.count)
    return rest.firstIndex(of: UInt8(ascii: ":")).flatMap { String(rest[..<$0]) }
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

    /// How many bytes `content` stands for, also where it stands behind the head of a data URL.
    package var size: Int {
        let comma = content.hasPrefix("data:") ? content.utf8.firstIndex(of: UInt8(ascii: ",")) : nil
        let digits = content.utf8[(comma.map(content.utf8.index(after:)) ?? content.startIndex)...]
        let padding = digits.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        return (digits.count - padding) * 3 / 4
    }
}
