import MiddlewareKit

/// A message, an event or a piece of a reply as JSON, for stages that run outside of the server.
struct CallOutMessage: Encodable, Sendable {
    /// What is told of an attachment; its content stays here.
    struct File: Encodable, Sendable {
        var type: String
        var mimeType: String
        var fileName: String?
    }

    /// `inbound` or `outbound`.
    var direction: String
    /// The word of the message's or the event's kind; `delta` for a piece of a reply.
    var kind: String
    var gateway: String
    var session: String?
    var agent: String?
    var user: String?
    var run: String?
    var text: String
    /// What a failed run says of it.
    var detail: String?
    var attachments: [File]?
    /// What stages above noted.
    var notes: [String: String]?

    init(_ message: InboundMessage, _ context: MessageContext) {
        direction = "inbound"
        kind = message.kind.rawValue
        gateway = message.gateway
        session = message.sessionKey
        agent = message.agent
        user = context.principal?.user
        run = message.runID
        text = message.text
        if !message.attachments.isEmpty {
            attachments = message.attachments.map {
                File(type: $0.type, mimeType: $0.mimeType, fileName: $0.fileName)
            }
        }
        if !context.notes.isEmpty { notes = context.notes }
    }

    init(_ event: OutboundEvent, _ context: MessageContext) {
        self.init(event.run, kind: event.kind.rawValue, text: event.text)
        detail = event.detail
        if !context.notes.isEmpty { notes = context.notes }
    }

    /// A piece of a reply.
    init(_ run: Run, text: String) { self.init(run, kind: "delta", text: text) }

    private init(_ run: Run, kind: String, text: String) {
        direction = "outbound"
        self.kind = kind
        gateway = run.gateway
        session = run.sessionKey
        agent = run.agent
        user = run.user
        self.run = run.id
        self.text = text
    }
}
