/// How the gateway spells session keys (OpenClaw protocol: session keys, canonicalisation).
struct SessionKeys: Sendable {
    let defaultAgentID: String
    let mainKey: String
    let agentIDs: [String]
    /// `session.scope = "global"`: all main sessions are the one called `global`.
    let isGlobalScope: Bool

    var mainSessionKey: String { isGlobalScope ? "global" : "agent:\(defaultAgentID):\(mainKey)" }

    func canonical(_ key: String) -> String {
        let key = key.trimmed.lowercased()
        if key == "global" || key == "unknown" { return key }
        guard let (agentID, rest) = Self.split(key) else {
            return isMainAlias(key) ? mainSessionKey : "agent:\(defaultAgentID):\(key)"
        }
        guard isMainAlias(rest) else { return key }
        if isGlobalScope { return "global" }
        let owner = agentID == "main" && !agentIDs.contains("main") ? defaultAgentID : agentID
        return "agent:\(owner):\(mainKey)"
    }

    /// The agent of a canonical key; the default agent for keys that name none.
    func agentID(of canonicalKey: String) -> String {
        Self.split(canonicalKey)?.agentID ?? defaultAgentID
    }

    private func isMainAlias(_ key: String) -> Bool { key == "main" || key == mainKey.lowercased() }

    private static func split(_ key: String) -> (agentID: String, rest: String)? {
        let parts = key.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "agent", !parts[1].isEmpty, !parts[2].isEmpty else { return nil }
        return (String(parts[1]), String(parts[2]))
    }
}

extension String {
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
