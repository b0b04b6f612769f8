/// One answer that an agent gives, from its first delta to its terminal event.
public struct Run: Sendable, Hashable {
    /// The gateway's run id; equal to the idempotency key of the chat message that started it.
    public let id: String
    /// The id of the gateway that runs it.
    public let gateway: String
    /// The canonical session key.
    public let sessionKey: String
    /// The agent's id as the session key tells it, if it does.
    public let agent: String?
    /// The user whose message started the run; nil when it was started elsewhere (another channel, cron).
    public let user: String?
    /// When Sluice first heard of the run.
    public let startedAt: Timestamp

    public init(
        id: String, gateway: String, sessionKey: String, agent: String? = nil, user: String? = nil, startedAt: Timestamp
    ) {
        self.id = id
        self.gateway = gateway
        self.sessionKey = sessionKey
        self.agent = agent
        self.user = user
        self.startedAt = startedAt
    }
}
