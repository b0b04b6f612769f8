import JSON

/// Commands that wait for approval (OpenClaw protocol: events).
extension FakeGateway {
    /// An agent wants to run a command. Clients with the scope `operator.approvals` are told.
    ///
    /// - Parameter lifetime: In milliseconds; afterwards the gateway takes no answer any more.
    public func requestApproval(
        id: String, command: String, sessionKey: String? = nil, lifetime: Int64 = 120_000
    ) {
        let created = options.now()
        let approval: JSONValue = [
            "id": .string(id),
            "request": [
                "command": .string(command), "cwd": "/srv", "host": "gateway", "nodeId": nil, "security": "allowlist",
                "ask": "on-miss", "agentId": .string(keys.defaultAgentID),
                "sessionKey": sessionKey.map { .string(keys.canonical($0)) } ?? .null, "resolvedPath": nil,
            ],
            "createdAtMs": .integer(created), "expiresAtMs": .integer(created + lifetime),
        ]
        approvals.append(approval)
        tellApprovers("exec.approval.requested", approval)
    }

    var approvalsPayload: JSONValue { ["approvals": .array(approvals)] }

    /// Somebody decided, in another client or in this one.
    public func decideApproval(id: String, decision: String, by name: String?) {
        approvals.removeAll { $0["id"]?.string == id }
        tellApprovers(
            "exec.approval.resolved",
            [
                "id": .string(id), "decision": .string(decision), "resolvedBy": name.map { .string($0) } ?? .null,
                "ts": now,
            ])
    }

    func resolveApproval(_ parameters: JSONValue) throws(GatewayRefusal) -> JSONValue {
        let id = parameters["id"]?.string ?? ""
        guard approvals.contains(where: { $0["id"]?.string == id }) else {
            throw .invalidRequest("unknown approval id")
        }
        decideApproval(id: id, decision: parameters["decision"]?.string ?? "", by: "gateway-client")
        return ["ok": true]
    }

    /// In all versions only with the scope.
    private func tellApprovers(_ event: String, _ payload: JSONValue) {
        broadcastSeq += 1
        for id in readyConnections where connections[id]?.admission?.allows("operator.approvals") == true {
            sendEvent(event, payload, to: id)
        }
    }
}
