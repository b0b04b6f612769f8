import JSON
import MiddlewareKit
import OpenClaw
import PipelineEngine
import Storage

/// What is to be different about a session.
struct SessionChange: Sendable {
    /// A member that is there; null takes back what was chosen.
    let title: JSONValue?
    let model: JSONValue?
    let thinkingLevel: JSONValue?

    /// - Throws: ``Rejection`` that says what is wrong with the body.
    init(_ body: JSONObject) throws {
        guard body["agent_id"] == nil else {
            throw Rejection.badRequest(
                "The agent of a session cannot be changed, as its key names it. Make another session with `agent_id`.")
        }
        try body.requireOnly("title", "model", "thinking_level")
        func member(_ key: String, atMost limit: Int) throws -> JSONValue? {
            guard let value = body[key] else { return nil }
            return try body.string(key, atMost: limit).map { .string($0) } ?? (value.isNull ? .null : nil)
        }
        title = try member("title", atMost: 200)
        _ = try body.title()
        model = try member("model", atMost: 200)
        thinkingLevel = try member("thinking_level", atMost: 64)
        guard [title, model, thinkingLevel].contains(where: { $0 != nil }) else {
            throw Rejection.badRequest("Say what is to change: `title`, `model` or `thinking_level`.")
        }
    }
}

/// Sessions that are made, changed, begun anew and deleted. Titles are Sluice's own; the model and how much it thinks are
/// the gateway's affair, which needs the scope `operator.admin` for that (OpenClaw protocol: scopes).
extension BrowserHub {
    func changeSession(_ id: SessionID, _ change: SessionChange, context: MessageContext) async throws -> JSONValue {
        let storage = storage
        return try await call(.manage, in: id, context: context) { principal in
            try await self.checkAccess(to: id, by: principal)
            try await self.requireStored(id)
            var params: JSONObject = ["key": .string(id.key)]
            params["model"] = change.model
            params["thinkingLevel"] = change.thinkingLevel
            if params.count > 1 { try await self.ask("sessions.patch", params, of: id.gateway) }
            if let model = change.model {
                try await storage.setModel(model.string, gateway: id.gateway, key: id.key)
            }
            if let title = change.title {
                try await storage.setTitle(title.string, gateway: id.gateway, key: id.key)
            }
            return try await self.requireStored(id).json
        }
    }

    /// The agent forgets what was said; the stored messages stay.
    func resetSession(_ id: SessionID, context: MessageContext) async throws {
        try await call(.manage, in: id, context: context) { principal in
            try await self.checkAccess(to: id, by: principal)
            try await self.requireStored(id)
            try await self.ask("sessions.reset", ["key": .string(id.key)], of: id.gateway)
        }
    }

    /// - Parameter alsoOnGateway: The gateway is asked first; when it refuses, nothing is deleted.
    func deleteSession(_ id: SessionID, alsoOnGateway: Bool, context: MessageContext) async throws {
        let storage = storage
        let isDeleted = try await call(.manage, in: id, context: context) { principal in
            try await self.checkAccess(to: id, by: principal)
            if alsoOnGateway {
                try await self.requireStored(id)
                try await self.ask("sessions.delete", ["key": .string(id.key)], of: id.gateway)
            }
            await self.discard(id)
            let isDeleted = try await storage.deleteSession(
                gateway: id.gateway, key: id.key, keepsOwner: !alsoOnGateway)
            await self.forgetOwner(of: id)
            if isDeleted { await self.sessionWasDeleted(id, by: principal) }
            return isDeleted
        }
        guard isDeleted else { throw Rejection.noSession }
    }

    func createSession(_ body: JSONObject, gateway: String, context: MessageContext) async throws -> JSONValue {
        try body.requireOnly("session_key", "title", "agent_id", "model")
        let agent = try body.string("agent_id", atMost: 64)
        let title = try body.title()
        let model = try body.string("model", atMost: 200)
        let wanted = try body.string("session_key", atMost: FrameLimits.sessionKeyCharacters)
        if let wanted, !FrameLimits.isSessionKey(wanted) {
            throw Rejection.badRequest("`session_key` must not be blank, or hold control or unreadable characters.")
        }
        let id = try newSessionID(gateway: gateway, key: wanted, agent: agent)
        let row = try await call(.manage, in: id, context: context) { principal in
            try await self.checkAccess(to: id, by: principal)
            let isNew = try await self.storage.session(gateway: gateway, key: id.key) == nil
            let owner = try await self.owner(of: id, claimedBy: principal, isFresh: wanted == nil)
            if isNew, let model {
                try await self.ask("sessions.patch", ["key": .string(id.key), "model": .string(model)], of: gateway)
            }
            let session = try await self.storage.createSession(
                gateway: gateway, key: id.key, title: title, agent: agentID(inSessionKey: id.key),
                model: model,
                owner: owner.user)
            if isNew { await self.sessionWasCreated(id, by: principal) }
            return session
        }
        guard case .object(var object) = row.json else { return row.json }
        object["key"] = .string(id.key)
        return .object(object)
    }

    private func owner(of id: SessionID, claimedBy principal: Principal, isFresh: Bool) async throws -> SessionOwner {
        let (session, isHeld) = try await claim(id, for: principal, isFresh: isFresh)
        defer {
            if isHeld { letGo(of: id) }
            forgetIfIdle(session)
        }
        try await settleClaim(on: id, for: principal, isKept: false)
        return try await self.session(id).owner
    }

    /// The agent of a session stands in its key (OpenClaw protocol: session keys).
    ///
    /// - Parameter key: Nil: a new one.
    private func newSessionID(gateway: String, key: String?, agent: String?) throws -> SessionID {
        let metadata = metadata(of: gateway)
        let agent = agent?.lowercased()
        if let agent, let known = metadata?.agents.map(\.id), !known.isEmpty,
            !known.contains(where: { $0.lowercased() == agent })
        {
            throw Rejection.badRequest("There is no agent “\(agent)”. Known are: \(known.joined(separator: ", ")).")
        }
        guard let key else {
            let word = agent ?? metadata?.defaultAgentID ?? "main"
            return sessionID(gateway: gateway, key: "agent:\(word):web-\(RandomID.make().prefix(12))")
        }
        guard let agent else { return sessionID(gateway: gateway, key: key) }
        let plain = sessionID(gateway: gateway, key: key)
        let namesItsAgent = OpenClaw.SessionKeys.agentID(of: key.lowercased()) != nil
        let isShared = agentID(inSessionKey: plain.key) == nil
        let id = namesItsAgent || isShared ? plain : sessionID(gateway: gateway, key: "agent:\(agent):\(key)")
        switch agentID(inSessionKey: id.key) {
        case agent: return id
        case nil:
            throw Rejection.badRequest("“\(key)” is one session for all agents of this gateway: leave `agent_id` out.")
        case let other?:
            throw Rejection.badRequest(
                "`session_key` names the agent “\(other)”: leave `agent_id` out, or name that one.")
        }
    }

    @discardableResult
    private func requireStored(_ id: SessionID) async throws -> StoredSession {
        guard let session = try await storage.session(gateway: id.gateway, key: id.key) else {
            throw Rejection.noSession
        }
        return session
    }

    private func ask(_ method: String, _ params: JSONObject, of gateway: String) async throws {
        _ = try await gateways.request(gateway: gateway, method: method, params: .object(params))
    }

    private func sessionWasCreated(_ id: SessionID, by principal: Principal) {
        for stage in chains.observers { stage.sessionWasCreated(ObservedSession(id, principal)) }
    }

    private func sessionWasDeleted(_ id: SessionID, by principal: Principal) {
        for stage in chains.observers { stage.sessionWasDeleted(ObservedSession(id, principal)) }
    }
}

extension Rejection {
    static let noSession = Rejection(code: "not_found", message: "There is no session with this key.")
}

extension ObservedSession {
    fileprivate init(_ id: SessionID, _ principal: Principal) {
        self.init(gateway: id.gateway, key: id.key, user: principal == .anonymous ? nil : principal.user)
    }
}

extension JSONObject {
    /// The member `title`; nil when absent or null.
    fileprivate func title() throws -> String? {
        let title = try string("title", atMost: 200)
        guard title.map(FrameLimits.isTitle) ?? true else {
            throw Rejection.badRequest("`title` must be one line, without control characters.")
        }
        return title
    }
}
