import Foundation
public import MiddlewareKit

extension Transcript.Entry {
    /// Of a message from a browser.
    public init(_ message: InboundMessage, _ context: MessageContext) {
        self.init(type: .inbound, kind: message.kind.rawValue, gateway: message.gateway, text: message.text)
        session = message.sessionKey
        run = message.runID
        user = context.principal?.user
        let groups = context.principal?.groups.sorted() ?? []
        self.groups = groups.isEmpty ? nil : groups
        ip = context.connection.flatMap { $0.remoteAddress.isEmpty ? nil : $0.remoteAddress }
    }

    /// Of an event of a run.
    public init(_ event: OutboundEvent, _ context: MessageContext) {
        self.init(type: .outbound, kind: event.kind.rawValue, gateway: event.run.gateway, text: event.text)
        session = event.run.sessionKey
        run = event.run.id
        at = event.timestamp.milliseconds
        detail = event.detail
        blocks = event.blocks.isEmpty ? nil : event.blocks.map(\.json)
        user = context.principal?.user
    }

    /// Of a piece of a reply.
    public init(_ change: TextChange, of run: Run) {
        switch change {
        case .append(let text): self.init(type: .delta, gateway: run.gateway, text: text)
        case .replace(let text):
            self.init(type: .delta, gateway: run.gateway, text: text)
            replace = true
        }
        session = run.sessionKey
        self.run = run.id
        user = run.user
    }

    /// The message of an `inbound` line; nil for others.
    public var message: InboundMessage? {
        guard type == .inbound, let kind = kind.flatMap(MessageKind.init) else { return nil }
        return InboundMessage(kind: kind, gateway: gateway, sessionKey: session, text: text, runID: run)
    }

    /// The run of a line of a reply; nil for messages.
    public var replyRun: Run? {
        guard type != .inbound, let run, let session else { return nil }
        return Run(
            id: run, gateway: gateway, sessionKey: session, agent: agentID(inSessionKey: session), user: user,
            startedAt: timestamp)
    }

    /// The event of an `outbound` line; nil for others.
    public var event: OutboundEvent? {
        guard type == .outbound, let kind = kind.flatMap(EventKind.init), let run = replyRun else { return nil }
        return OutboundEvent(
            kind: kind, run: run, text: text, blocks: (blocks ?? []).map(ContentBlock.init), detail: detail,
            timestamp: timestamp)
    }

    /// The piece of a `delta` line; nil for others.
    public var change: TextChange? {
        guard type == .delta else { return nil }
        return replace == true ? .replace(text) : .append(text)
    }

    /// When it happened; 1 January 2026 when the line does not say.
    public var timestamp: Timestamp { Timestamp(milliseconds: at ?? 1_767_225_600_000) }

    /// Who it is from, as the line says. Each user has a connection from each address, so that nobody is taken for somebody else.
    public func context(id: String) -> MessageContext {
        let names = [user, ip].compactMap(\.self)
        return MessageContext(
            id: id,
            connection: names.isEmpty
                ? nil : ConnectionInfo(id: "connection-\(names.joined(separator: "-"))", remoteAddress: ip ?? ""),
            principal: user.map { Principal(user: $0, groups: Set(groups ?? [])) }, logger: Sample.logger)
    }
}

extension ContentBlock {
    private struct Thinking: Codable {
        var type = "thinking"
        var thinking: String
    }

    fileprivate init(_ json: String) {
        if let block = try? JSONDecoder().decode(Thinking.self, from: Data(json.utf8)), block.type == "thinking" {
            self = .thinking(block.thinking)
        } else {
            self = .other(json: json)
        }
    }

    fileprivate var json: String {
        switch self {
        case .other(let json): return json
        case .thinking(let text):
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return (try? encoder.encode(Thinking(thinking: text))).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
    }
}
