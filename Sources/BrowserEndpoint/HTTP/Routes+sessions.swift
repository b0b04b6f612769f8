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
            let query = try request.sessionQuery()
            let page = try await hub.call(.sessions, gateway: gateway, context: context) { principal in
                try await hub.sessions(query, of: gateway, for: principal)
            }
            return Response(json: .array(page.rows))
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
            guard let row else { throw Rejection.noSession }
            return Response(json: row.json)
        }
        group.patch("{key}") { request, call in
            var request = request
            let context = await hub.context(of: request, call)
            let id = try await hub.sessionID(of: call)
            let change = try SessionChange(try await request.jsonObject())
            return Response(json: try await hub.changeSession(id, change, context: context))
        }
        group.post("{key}/reset") { request, call in
            let context = await hub.context(of: request, call)
            try await hub.resetSession(try await hub.sessionID(of: call), context: context)
            return Response(json: ["ok": true])
        }
        group.delete("{key}") { request, call in
            let context = await hub.context(of: request, call)
            let isEverywhere = request.uri.queryParameters["gateway"] == "true"
            try await hub.deleteSession(
                try await hub.sessionID(of: call), alsoOnGateway: isEverywhere, context: context)
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
    func pageLimit(default standard: Int = 50) throws -> Int {
        guard let limit = try queryInteger("limit") else { return standard }
        guard FrameLimits.historyPage.contains(Int(clamping: limit)) else {
            throw Rejection.badRequest("`limit` must be between 1 and 500.")
        }
        return Int(limit)
    }

    fileprivate func sessionQuery() throws -> SessionQuery {
        let words = uri.queryParameters
        return try SessionQuery(
            source: words["source"].map(String.init), limit: try pageLimit(default: 200),
            before: try queryInteger("before")
        ) { name, kind in
            guard let text = words[name[...]] else { return nil }
            switch kind {
            case .text: return .string(String(text))
            case .count: return try queryInteger(name).map { .integer($0) }
            case .flag:
                guard let flag = Bool(String(text)) else {
                    throw Rejection.badRequest("`\(name)` must be true or false.")
                }
                return .bool(flag)
            }
        }
    }

    func queryInteger(_ name: String) throws -> Int64? {
        guard let text = uri.queryParameters[name[...]] else { return nil }
        guard let number = Int64(text), number >= 0 else {
            throw Rejection.badRequest("`\(name)` must be a whole number, 0 or more.")
        }
        return number
    }
}

extension BrowserHub {
    func knownGateway(_ id: String) throws -> String {
        guard status(of: id) != nil else { throw Rejection.notFound("There is no gateway “\(id)”.") }
        return id
    }

    func sessionID(of call: CallContext) throws -> SessionID {
        sessionID(gateway: try knownGateway(try call.parameter("gateway")), key: try call.parameter("key"))
    }
}
