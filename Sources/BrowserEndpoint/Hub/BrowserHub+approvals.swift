import JSON
import Logging
import MiddlewareKit
import NIOCore
import OpenClaw
import PipelineEngine

/// A command that waits for somebody's decision, and to whom the session belongs in which it came up.
struct PendingApproval {
    let gateway: String
    let approval: ExecApproval
    /// `unresolved` until it is known: nobody is shown it before.
    var owner: SessionOwner

    func mayBeDecided(by principal: Principal, _ policy: ApprovalPolicy) -> Bool {
        switch policy {
        case .off: false
        case .administrators: principal.isAdministrator
        case .owners: principal.isAdministrator || owner == .user(principal.user)
        }
    }
}

/// Commands of agents that wait for approval: shown to those who may decide, and to nobody else.
extension BrowserHub {
    struct ApprovalKey: Hashable, Sendable {
        let gateway: String
        let id: String
    }

    private static let maxApprovals = 1_000

    // MARK: From the gateway

    /// It waits from now on, so that a decision that follows at once finds it; it is shown when its owner is known.
    func receive(_ approval: ExecApproval, of gateway: String) {
        let key = ApprovalKey(gateway: gateway, id: approval.id)
        guard approvals[key] == nil, approvals.count < Self.maxApprovals else { return }
        approvals[key] = PendingApproval(gateway: gateway, approval: approval, owner: .unresolved)
        jobs.submit { await self.show(key) }
    }

    /// What is not in the list any more was decided or has expired while the gateway was away.
    func receive(_ list: [ExecApproval], of gateway: String) {
        let known = Set(list.map(\.id))
        for key in approvals.keys where key.gateway == gateway && !known.contains(key.id) {
            end(key, state: "expired")
        }
        for approval in list where approvals[ApprovalKey(gateway: gateway, id: approval.id)] == nil {
            receive(approval, of: gateway)
        }
    }

    func decided(_ id: String, of gateway: String, _ decision: String, by name: String?) {
        end(ApprovalKey(gateway: gateway, id: id), state: decision.isEmpty ? "expired" : decision, by: name)
        flush()
    }

    private func show(_ key: ApprovalKey) async {
        guard let approval = approvals[key]?.approval else { return }
        var session: Session?
        if let sessionKey = approval.sessionKey {
            session = try? await self.session(SessionID(gateway: key.gateway, key: sessionKey))
        }
        defer { if let session { forgetIfIdle(session) } }
        // It may have been decided meanwhile.
        guard approvals[key]?.approval == approval else { return }
        approvals[key]?.owner = session?.owner ?? .nobody
        // Nothing else comes of a run that waits (OpenClaw protocol: events).
        for run in session?.runs ?? [] { tell(run, phase: RunPhase.approval) }
        guard let pending = approvals[key] else { return }
        for connection in connections.values { show(pending, state: "requested", to: connection) }
        flush()
        guard let expiresAt = approval.expiresAt else { return }
        let patience = Duration.milliseconds(max(0, expiresAt.milliseconds - time.now.milliseconds))
        jobs.submit {
            guard await self.pause(patience) else { return }
            await self.expire(key)
        }
    }

    private func expire(_ key: ApprovalKey) {
        end(key, state: "expired")
        flush()
    }

    private func end(_ key: ApprovalKey, state: String, by name: String? = nil) {
        guard let pending = approvals.removeValue(forKey: key), pending.owner != .unresolved else { return }
        for connection in connections.values { show(pending, state: state, by: name, to: connection) }
    }

    // MARK: To browsers

    /// For one who has just come.
    func showApprovals(to connection: BrowserConnection) {
        for pending in approvals.values where pending.owner != .unresolved {
            show(pending, state: "requested", to: connection)
        }
    }

    private func show(
        _ pending: PendingApproval, state: String, by name: String? = nil, to connection: BrowserConnection
    ) {
        guard connection.phase == .open, connection.dialect == .native, let principal = connection.principal,
            pending.mayBeDecided(by: principal, policy(of: pending.gateway))
        else { return }
        let key = pending.approval.sessionKey.map { SessionID(gateway: pending.gateway, key: $0) }
        let spelling = key.flatMap { connection.watched[$0] } ?? pending.approval.sessionKey
        send(.approval(pending, state: state, by: name, sessionKey: spelling), to: connection)
    }

    private func policy(of gateway: String) -> ApprovalPolicy {
        gateways.assumeIsolated { $0.configuration(of: gateway)?.approvals ?? .off }
    }

    func approvalList(of gateway: String, context: MessageContext) async throws -> JSONValue {
        try await call(.manage, gateway: gateway, context: context) { principal in
            .array(await self.approvals(of: gateway, for: principal))
        }
    }

    private func approvals(of gateway: String, for principal: Principal) -> [JSONValue] {
        approvals.values.filter { $0.gateway == gateway && $0.mayBeDecided(by: principal, policy(of: gateway)) }
            .sorted { $0.approval.id < $1.approval.id }
            .map { .object($0.json(sessionKey: $0.approval.sessionKey)) }
    }

    /// - Parameter decision: Called for those only who may decide.
    func decide(
        _ id: String, of gateway: String, context: MessageContext,
        _ decision: @escaping @Sendable () async throws -> ExecApproval.Decision
    ) async throws {
        let gateways = gateways
        try await call(.manage, gateway: gateway, context: context) { principal in
            try await self.requireDecision(id, of: gateway, by: principal)
            let decision = try await decision()
            _ = try await gateways.request(
                gateway: gateway, method: "exec.approval.resolve",
                params: ["id": .string(id), "decision": .string(decision.rawValue)])
            context.logger.notice(
                "a command of an agent was decided upon",
                metadata: [
                    "approval.id": "\(id)", "decision": "\(decision.rawValue)", "user": "\(principal.user)",
                    "gateway.id": "\(gateway)",
                ])
            // The gateway's own event may come before or after its answer.
            await self.decided(id, of: gateway, decision.rawValue, by: principal.user)
        }
    }

    private func requireDecision(_ id: String, of gateway: String, by principal: Principal) throws {
        let policy = policy(of: gateway)
        guard policy != .off else {
            throw Rejection(
                code: "disabled",
                message:
                    "Approvals are off. Set `approvals: administrators` or `owners` of this gateway in config.yaml.")
        }
        let pending = approvals[ApprovalKey(gateway: gateway, id: id)]
        // Those who may not decide are not told that it is there.
        guard let pending, pending.mayBeDecided(by: principal, policy) else {
            throw Rejection.notFound(
                "No command with this id waits for approval; it was decided upon, or it has expired.")
        }
    }
}

extension PendingApproval {
    func json(sessionKey: String?) -> JSONObject {
        var object: JSONObject = [
            "gateway": .string(gateway), "approvalId": .string(approval.id), "command": .string(approval.command),
        ]
        object["sessionKey"] = sessionKey.map { .string($0) }
        object["agent"] = approval.agentID.map { .string($0) }
        object["folder"] = approval.folder.map { .string($0) }
        object["host"] = approval.host.map { .string($0) }
        object["expiresAt"] = approval.expiresAt.map { .integer($0.milliseconds) }
        return object
    }
}
