import Foundation
import JSON

/// Commands that wait for approval (OpenClaw protocol: events).
extension FakeGateway {
    /// An agent wants to run a command. Clients with the scope `operator.approvals` are told.
    ///
    /// - Parameter lifetime: In milliseconds; afterwards the gateway takes no answer any more.
    public func requestApproval(
        id: String, command: String, sessionKey: String? = nil, lifetime: Int64 = approvalLifetime
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

    /// How long a command waits for a decision, in milliseconds.
    public static let approvalLifetime: Int64 = 120_000

    /// Asks for approval in the session of a run.
    ///
    /// - Returns: What was decided; nil: the run ended meanwhile.
    func decision(on command: String, run: String) async -> String? {
        guard let sessionKey = runs[run]?.prompt.sessionKey else { return nil }
        let id = UUID().uuidString.lowercased()
        requestApproval(id: id, command: command, sessionKey: sessionKey)
        let (decisions, sleep) = (decisions, options.sleep)
        let decision = await withTaskGroup(of: String?.self) { tasks in
            // The first of two, of which whichever ends first ends the waiting: somebody decides.
            tasks.addTask { try? await decisions.next { $0.id == id }.decision }
            // The second: nobody does in time.
            tasks.addTask { (try? await sleep(.milliseconds(Self.approvalLifetime))).map { "deny" } }
            defer { tasks.cancelAll() }
            return await tasks.next() ?? nil
        }
        // Nobody need decide upon it any more.
        if approvals.contains(where: { $0["id"]?.string == id }) { decideApproval(id: id, decision: "deny", by: nil) }
        return decision
    }

    var approvalsPayload: JSONValue { ["approvals": .array(approvals)] }

    /// Somebody decided, in another client or in this one.
    public func decideApproval(id: String, decision: String, by name: String?) {
        approvals.removeAll { $0["id"]?.string == id }
        decisions.deliver((id, decision))
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
