/// Where a chat message goes instead of to the gateway and the agent of its session.
///
/// For browsers, stages and storage the session stays what it is: the answer comes back to it. At the target there is a
/// session of its own for each session here, so nothing is said into anybody's conversation there.
public struct MessageRoute: Sendable, Hashable {
    /// The id of the gateway.
    public let gateway: String
    /// Nil: the gateway's default agent.
    public let agent: String?

    public init(gateway: String, agent: String? = nil) {
        self.gateway = gateway
        self.agent = agent
    }
}
