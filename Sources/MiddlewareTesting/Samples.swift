public import Logging
public import MiddlewareKit

/// Messages, events and contexts for tests of stages.
public enum Sample {
    /// A logger that says nothing.
    public static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    public static func chat(
        _ text: String = "Hello", gateway: String = "home", session: String = "agent:main:one", runID: String = "run-1",
        attachments: [Attachment] = []
    ) -> InboundMessage {
        InboundMessage(
            kind: .chat, gateway: gateway, sessionKey: session, text: text, attachments: attachments, runID: runID)
    }

    /// A message of any kind; a `chat` says "Hello".
    public static func message(_ kind: MessageKind) -> InboundMessage {
        InboundMessage(
            kind: kind, gateway: "home", sessionKey: "agent:main:one", text: kind == .chat ? "Hello" : "",
            runID: "run-1")
    }

    /// - Parameter user: Whose message started the run; nil: it was started elsewhere.
    public static func run(_ id: String = "run-1", session: String = "agent:main:one", user: String? = "ada") -> Run {
        Run(
            id: id, gateway: "home", sessionKey: session, agent: "main", user: user,
            startedAt: Timestamp(milliseconds: 1_767_225_600_000))
    }

    public static func event(
        _ kind: EventKind = .final, text: String = "An answer.", blocks: [ContentBlock] = [], detail: String? = nil,
        run: Run = run()
    ) -> OutboundEvent {
        OutboundEvent(
            kind: kind, run: run, text: text, blocks: blocks, detail: detail,
            timestamp: Timestamp(milliseconds: 1_767_225_601_000))
    }

    public static func context(
        principal: Principal? = nil, credential: Credential? = nil, connection: String = "connection-1",
        address: String = "127.0.0.1"
    ) -> MessageContext {
        MessageContext(
            id: "message-1", connection: ConnectionInfo(id: connection, remoteAddress: address), credential: credential,
            principal: principal, logger: logger)
    }

    /// What a plugin gets to make its stage with.
    public static func provision(
        stageName: String = "test", isReachableByOthers: Bool = false,
        messages: any MessageStore = InMemoryMessageStore(), keys: any KeyStore = InMemoryKeyStore(),
        state: any StageStateStore = InMemoryStateStore(),
        time: any TimeSource = ManualTime()
    ) -> ProvisionContext {
        ProvisionContext(
            stageName: stageName, environment: StageEnvironment(isReachableByOthers: isReachableByOthers),
            messages: messages, keys: keys, state: state, time: time, logger: logger)
    }
}
