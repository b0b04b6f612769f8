import JSON
package import MiddlewareKit

/// A command that an agent wants to run on the gateway's machine, and that waits for somebody to allow it (OpenClaw
/// protocol: events).
package struct ExecApproval: Sendable, Hashable {
    package enum Decision: String, Sendable, CaseIterable {
        case allowOnce = "allow-once"
        case allowAlways = "allow-always"
        case deny
    }

    package var id: String
    package var command: String
    package var folder: String?
    package var host: String?
    package var agentID: String?
    /// Canonical.
    package var sessionKey: String?
    /// After it the gateway takes no answer any more.
    package var expiresAt: Timestamp?

    /// Nil when it has no id or no command.
    init?(json: JSONValue, keys: SessionKeys) {
        guard let id = json["id"]?.string, !id.isEmpty, let request = json["request"] else { return nil }
        let words = request["commandArgv"]?.array?.compactMap(\.string).joined(separator: " ")
        guard let command = request["command"]?.string ?? words, !command.isEmpty else { return nil }
        self.id = id
        self.command = command
        folder = request["cwd"]?.string
        host = request["host"]?.string
        agentID = request["agentId"]?.string
        sessionKey = request["sessionKey"]?.string.map(keys.canonical)
        expiresAt = json["expiresAtMs"]?.double.flatMap { Int64(exactly: $0.rounded()) }
            .map(Timestamp.init(milliseconds:))
    }
}

/// Who may decide on the commands of a gateway's agents.
package enum ApprovalPolicy: String, Sendable, Hashable {
    /// Nobody here: the gateway is not asked for them.
    case off
    case administrators
    /// Those to whom the session belongs in which the agent works, and administrators.
    case owners
}

extension GatewayConnection {
    /// After each hello: what was decided or expired while the connection was away is gone.
    func readApprovals(_ hello: Hello) {
        guard configuration.approvals != .off, hello.methods.contains("exec.approval.list") else { return }
        ask("exec.approval.list", [:]) { connection, answer in
            let rows = answer["approvals"]?.array ?? answer["pending"]?.array ?? answer.array ?? []
            let keys = connection.runs.keys
            connection.tell(.approvals(rows.compactMap { ExecApproval(json: $0, keys: keys) }))
        }
    }

    func receive(approval payload: JSONValue) {
        guard configuration.approvals != .off, let approval = ExecApproval(json: payload, keys: runs.keys) else {
            return
        }
        tell(.approvalRequested(approval))
    }

    func receive(decision payload: JSONValue) {
        guard configuration.approvals != .off, let id = payload["id"]?.string else { return }
        tell(.approvalDecided(id: id, decision: payload["decision"]?.string ?? "", by: payload["resolvedBy"]?.string))
    }
}
