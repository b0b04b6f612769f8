import JSON

/// The keys of the sessions that a gateway has told of, on all its connections so far.
struct KnownSessions: Sendable {
    private static let limit = 50_000

    private(set) var keys: Set<String> = []
    /// Every session of the gateway was listed at some time.
    private(set) var isComplete = false

    mutating func note(_ key: String) {
        guard keys.count < Self.limit else { return isComplete = false }
        keys.insert(key)
    }

    mutating func listEnded() { isComplete = keys.count < Self.limit }
}

/// Whether a gateway had a session before anybody wrote in it through Sluice.
package enum SessionKnowledge: Sendable, Hashable {
    case known
    /// It was not there when all were listed, or the gateway says so now.
    case new
    /// The gateway is away, and has not listed all its sessions.
    case uncertain
}

extension GatewayConnection {
    /// Main sessions are there on every gateway, whether somebody has written in them or not.
    ///
    /// - Parameter key: Canonical.
    package func knowledge(ofSession key: String) async throws(GatewayError) -> SessionKnowledge {
        if runs.keys.isMain(key) || knownSessions.keys.contains(key) { return .known }
        do {
            var params: JSONObject = ["sessionKey": .string(key), "limit": 10]
            params["agentId"] = agentParameter(sessionKey: key).map { .string($0) }
            let answer = try await request("chat.history", params: .object(params))
            let isEmpty = answer["messages"]?.array?.isEmpty ?? true
            return isEmpty && !knownSessions.keys.contains(key) ? .new : .known
        } catch {
            switch error {
            case .notConnected, .connectionLost: return knownSessions.isComplete ? .new : .uncertain
            default: throw error
            }
        }
    }
}
