/// What conditions look at: the facts of one message.
public struct MessageFacts: Sendable, Hashable {
    public enum Direction: String, Sendable, Hashable, CaseIterable {
        /// Browser to gateway.
        case inbound
        /// Gateway to browser.
        case outbound
    }

    public var direction: Direction
    /// The word of a ``MessageKind`` or an ``EventKind``, or `delta` for the text of a reply as it streams in.
    public var kind: String
    public var gateway: String
    public var agent: String?
    public var model: String?
    /// The canonical session key.
    public var session: String?
    /// Who sent the message, or the message that started the run.
    public var user: String?
    public var groups: Set<String>
    /// The address of the browser, without its port.
    public var address: String?
    /// The text of a chat message or of a whole reply; empty for everything else, `delta` too.
    public var text: String

    public init(
        direction: Direction, kind: String, gateway: String = "", agent: String? = nil, model: String? = nil,
        session: String? = nil, user: String? = nil, groups: Set<String> = [], address: String? = nil, text: String = ""
    ) {
        self.direction = direction
        self.kind = kind
        self.gateway = gateway
        self.agent = agent
        self.model = model
        self.session = session
        self.user = user
        self.groups = groups
        self.address = address
        self.text = text
    }

    /// The words for kinds of message in a direction.
    public static func kinds(_ direction: Direction) -> [String] {
        switch direction {
        case .inbound: MessageKind.allCases.map(\.rawValue)
        case .outbound: EventKind.allCases.map(\.rawValue) + ["delta"]
        }
    }

    /// Of a message on its way to a gateway.
    package init(_ message: InboundMessage, _ context: MessageContext) {
        self.init(
            direction: .inbound, kind: message.kind.rawValue, gateway: message.gateway, agent: message.agent,
            model: context.model, session: message.sessionKey, user: context.principal?.user,
            groups: context.principal?.groups ?? [], address: context.connection?.remoteAddress, text: message.text)
    }

    /// Of an event of a run: user, groups and address are those of the message that started it.
    package init(_ event: OutboundEvent, _ context: MessageContext) {
        self.init(textOf: event.run, context)
        kind = event.kind.rawValue
        text = event.text
    }

    /// Of the text of a run as it streams in.
    package init(textOf run: Run, _ context: MessageContext) {
        self.init(
            direction: .outbound, kind: "delta", gateway: run.gateway, agent: run.agent, model: context.model,
            session: run.sessionKey, user: run.user ?? context.principal?.user, groups: context.principal?.groups ?? [],
            address: context.connection?.remoteAddress)
    }
}
