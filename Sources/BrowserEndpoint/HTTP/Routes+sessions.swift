import Hummingbird
import JSON
import MiddlewareKit
import OpenClaw
import PipelineEngine
import Storage

extension Routes {
    func addSessions(to group: RouterGroup<CallContext>) {
        let hub = hub
        group.get { request, call in
            let context = await hub.context(of: request, call)
            let gateway = try await hub.knownGateway(try call.parameter("gateway"))
            let limit = try request.pageLimit(default: 200)
            let rows = try await hub.call(.sessions, gateway: gateway, context: context) { principal in
                try await hub.storage.sessions(gateway: gateway, visibleTo: principal, limit: limit)
            }
            return Response(json: .array(rows.map(\.json)))
        }
        group.post { request, call in
            var request = request
            let context = await hub.context(of: request, call)
            let gateway = try await hub.knownGateway(try call.parameter("gateway"))
            let body = try await request.jsonObject()
            return Response(.created, json: try await hub.createSession(body, gateway: gateway, context: context))
        }
        group.get("{key}") { request, call in
            let context = await hub.context(of: request, call)
            let id = try await hub.sessionID(of: call)
            let row = try await hub.call(.sessions, in: id, context: context) { principal in
                try await hub.checkAccess(to: id, by: principal)
                return try await hub.storage.session(gateway: id.gateway, key: id.key)
            }
            guard let row else { throw Rejection.notFound("There is no session with this key.") }
            return Response(json: row.json)
        }
        group.delete("{key}") { request, call in
            let context = await hub.context(of: request, call)
            let id = try await hub.sessionID(of: call)
            let isDeleted = try await hub.call(.manage, in: id, context: context) { principal in
                try await hub.checkAccess(to: id, by: principal)
                await hub.discard(id)
                let isDeleted = try await hub.storage.deleteSession(gateway: id.gateway, key: id.key)
                if isDeleted { await hub.sessionWasDeleted(id, by: principal) }
                return isDeleted
            }
            guard isDeleted else { throw Rejection.notFound("There is no session with this key.") }
            return Response(json: ["ok": true])
        }
        group.get("{key}/messages") { request, call in
            let context = await hub.context(of: request, call)
            let id = try await hub.sessionID(of: call)
            let before = try request.queryInteger("before")
            let page = try await hub.history(
                id, limit: try request.pageLimit(), before: before,
                refresh: request.uri.queryParameters["refresh"] == "true", context: context)
            return Response(jsonBytes: page.messages)
        }
    }
}

extension Request {
    fileprivate func pageLimit(default standard: Int = 50) throws -> Int {
        guard let limit = try queryInteger("limit") else { return standard }
        guard FrameLimits.historyPage.contains(Int(clamping: limit)) else {
            throw Rejection.badRequest("`limit` must be between 1 and 500.")
        }
        return Int(limit)
    }

    fileprivate func queryInteger(_ name: String) throws -> Int64? {
        guard let text = uri.queryParameters[name[...]] else { return nil }
        guard let number = Int64(text), number >= 0 else {
            throw Rejection.badRequest("`\(name)` must be a whole number.")
        }
        return number
    }
}

extension BrowserHub {
    fileprivate func knownGateway(_ id: String) throws -> String {
        guard status(of: id) != nil else { throw Rejection.notFound("There is no gateway “\(id)”.") }
        return id
    }

    fileprivate func sessionID(of call: CallContext) throws -> SessionID {
        sessionID(gateway: try knownGateway(try call.parameter("gateway")), key: try call.parameter("key"))
    }

    fileprivate func sessionWasCreated(_ id: SessionID, by principal: Principal) {
        for stage in chain.observers { stage.sessionWasCreated(ObservedSession(id, principal)) }
    }

    fileprivate func sessionWasDeleted(_ id: SessionID, by principal: Principal) {
        for stage in chain.observers { stage.sessionWasDeleted(ObservedSession(id, principal)) }
    }

    fileprivate func createSession(
        _ body: JSONObject, gateway: String, context: MessageContext
    ) async throws -> JSONValue {
        try body.requireOnly("session_key", "title", "agent_id", "model")
        let agent = try body.string("agent_id", atMost: 64)
        let title = try body.string("title", atMost: 200)
        let model = try body.string("model", atMost: 200)
        let defaultAgent = metadata(of: gateway)?.defaultAgentID ?? "main"
        let key =
            try body.string("session_key", atMost: FrameLimits.sessionKeyCharacters)
            ?? "agent:\(agent ?? defaultAgent):web-\(RandomID.make().prefix(12))"
        guard FrameLimits.isSessionKey(key) else {
            throw Rejection.badRequest("`session_key` must not be blank or hold control characters.")
        }
        let id = sessionID(gateway: gateway, key: key)
        let row = try await call(.manage, in: id, context: context) { principal in
            try await self.checkAccess(to: id, by: principal)
            let isNew = try await self.storage.session(gateway: gateway, key: id.key) == nil
            let row = try await self.storage.createSession(
                gateway: gateway, key: id.key, title: title, agent: agent ?? agentID(inSessionKey: id.key),
                model: model,
                owner: principal == .anonymous ? nil : principal.user)
            await self.claim(id, for: principal)
            if isNew { await self.sessionWasCreated(id, by: principal) }
            return row
        }
        guard case .object(var object) = row.json else { return row.json }
        object["key"] = .string(id.key)
        return .object(object)
    }
}

extension ObservedSession {
    fileprivate init(_ id: SessionID, _ principal: Principal) {
        self.init(gateway: id.gateway, key: id.key, user: principal == .anonymous ? nil : principal.user)
    }
}
