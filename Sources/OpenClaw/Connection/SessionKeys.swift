package import JSON

/// How a gateway spells session keys (OpenClaw protocol: session keys). A key is always sent in its canonical form, and
/// keys of unknown runs are compared in it.
package struct SessionKeys: Sendable, Hashable {
    package var defaultAgentID = "main"
    package var mainKey = "main"
    /// `session.scope` is `global`: all main sessions are one, called `global`.
    package var isGlobalScope = false
    /// The agents that exist, as far as they are known.
    package var agentIDs: Set<String> = []

    package init() {}

    /// The key as the gateway's events spell it. Canonical keys stay as they are.
    package func canonical(_ key: String) -> String {
        let key = key.trimmed.lowercased()
        if key == "global" || key == "unknown" || key.isEmpty { return key }
        guard let qualified = Self.split(key) else {
            return isMainAlias(key) ? main(of: defaultAgentID) : "agent:\(defaultAgentID):\(key)"
        }
        guard isMainAlias(qualified.rest) else { return key }
        // Sessions from the time before an agent had a name of its own.
        let isLegacy = qualified.agent == "main" && !agentIDs.isEmpty && !agentIDs.contains("main")
        return main(of: isLegacy ? defaultAgentID : String(qualified.agent))
    }

    /// Whether a canonical key is that of a main session, or of a session that all share.
    package func isMain(_ canonicalKey: String) -> Bool {
        if canonicalKey == "global" || canonicalKey == "unknown" { return true }
        return Self.split(canonicalKey).map { isMainAlias($0.rest) } ?? false
    }

    /// The agent that a canonical key names; nil for `global` and `unknown`.
    package static func agentID(of canonicalKey: String) -> String? { split(canonicalKey).map { String($0.agent) } }

    private func isMainAlias(_ key: some StringProtocol) -> Bool { key == "main" || key == mainKey.lowercased() }

    private func main(of agent: String) -> String {
        isGlobalScope ? "global" : "agent:\(agent):\(mainKey.lowercased())"
    }

    /// A qualified key: `agent:<agent>:<rest>`.
    private static func split(_ key: String) -> (agent: Substring, rest: Substring)? {
        let prefix = "agent:"
        guard key.utf8.starts(with: prefix.utf8) else { return nil }
        let name = key.utf8.dropFirst(prefix.utf8.count)
        guard let end = name.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let (agent, rest) = (key[name.startIndex..<end], key[key.utf8.index(after: end)...])
        return agent.isEmpty || rest.isEmpty ? nil : (agent, rest)
    }
}

extension SessionKeys {
    package init(_ metadata: GatewayMetadata) {
        defaultAgentID = metadata.defaultAgentID.lowercased()
        mainKey = metadata.mainKey.lowercased()
        isGlobalScope = metadata.isGlobalScope
        agentIDs = Set(metadata.agents.map { $0.id.lowercased() })
    }

    /// What ``json`` wrote.
    package init(json: JSONValue) {
        self.init()
        defaultAgentID = json["defaultAgent"]?.string ?? defaultAgentID
        mainKey = json["mainKey"]?.string ?? mainKey
        isGlobalScope = json["isGlobal"]?.bool ?? false
        agentIDs = Set(json["agents"]?.array?.compactMap(\.string) ?? [])
    }

    /// For keeping while the server does not run.
    package var json: JSONValue {
        [
            "defaultAgent": .string(defaultAgentID), "mainKey": .string(mainKey), "isGlobal": .bool(isGlobalScope),
            "agents": .array(agentIDs.sorted().map { .string($0) }),
        ]
    }

    /// Takes what `snapshot.sessionDefaults` of a hello says; what it leaves out stays.
    mutating func read(sessionDefaults defaults: JSONValue?) {
        if let agent = defaults?["defaultAgentId"]?.string, !agent.isEmpty { defaultAgentID = agent.lowercased() }
        if let key = defaults?["mainKey"]?.string, !key.isEmpty { mainKey = key.lowercased() }
        let scope = defaults?["scope"]?.string
        isGlobalScope = scope.map { $0 == "global" } ?? (defaults?["mainSessionKey"]?.string == "global")
    }
}
