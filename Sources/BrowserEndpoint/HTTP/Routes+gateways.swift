import Hummingbird
import JSON
import MiddlewareKit
import OpenClaw
import Storage
import WebSocketTransport

extension Routes {
    func addGateways(to group: RouterGroup<CallContext>) {
        let hub = hub
        let scanner = scanner
        group.get { request, call in
            let context = await hub.context(of: request, call)
            let list = try await hub.call(.gateways, gateway: "", context: context) { principal in
                try await hub.gatewayList(for: principal)
            }
            return Response(json: .array(list))
        }
        group.post { request, call in
            let context = await hub.context(of: request, call)
            let added = try await hub.addGateway(context: context) {
                var request = request
                return try NewGateway(try await request.jsonObject())
            }
            return Response(.created, json: added)
        }
        group.post("scan") { request, call in
            let context = await hub.context(of: request, call)
            let found = try await hub.call(.manage, gateway: "", context: context) { principal in
                try principal.requireAdministrator()
                guard let scanner else {
                    throw Rejection(
                        code: "disabled",
                        message:
                            "Scanning the local network is off. To allow it, write `scan: { enabled: true, networks: [192.168.1.0/24] }` in config.yaml, with your network."
                    )
                }
                return try await scanner.scan()
            }
            return Response(json: .array(found.map { ["url": .string($0)] }))
        }
        group.patch("{gateway}") { request, call in
            let context = await hub.context(of: request, call)
            let id = try call.parameter("gateway")
            let change = { @Sendable in
                var request = request
                return try GatewayChange(try await request.jsonObject())
            }
            return Response(json: try await hub.changeGateway(id, change, context: context))
        }
        group.delete("{gateway}") { request, call in
            let context = await hub.context(of: request, call)
            let runs = try request.uri.queryParameters["runs"].map { word in
                guard let runs = RunsOnRemoval(rawValue: String(word)) else {
                    throw Rejection.badRequest("`runs` must be finish or abort.")
                }
                return runs
            }
            try await hub.removeGateway(try call.parameter("gateway"), runs, context: context)
            return Response(json: ["ok": true])
        }
        group.get("{gateway}/approvals") { request, call in
            let context = await hub.context(of: request, call)
            let id = try call.parameter("gateway")
            _ = try await hub.gatewayStatus(id, context: context)
            return Response(json: try await hub.approvalList(of: id, context: context))
        }
        group.post("{gateway}/approvals/{id}") { request, call in
            let context = await hub.context(of: request, call)
            let (id, gateway) = (try call.parameter("id"), try call.parameter("gateway"))
            try await hub.decide(id, of: gateway, context: context) {
                var request = request
                let body = try await request.jsonObject()
                try body.requireOnly("decision")
                guard let decision = try body.string("decision").flatMap(ExecApproval.Decision.init) else {
                    throw Rejection.badRequest("`decision` must be allow-once, allow-always or deny.")
                }
                return decision
            }
            return Response(json: ["ok": true])
        }
        group.post("{gateway}/connect") { request, call in
            let context = await hub.context(of: request, call)
            return Response(json: try await hub.connectGateway(try call.parameter("gateway"), context: context))
        }
        group.get("{gateway}/agents") { request, call in
            let context = await hub.context(of: request, call)
            let id = try await hub.knownGateway(try call.parameter("gateway"))
            let agents = try await hub.call(.agents, gateway: id, context: context) { _ in await hub.agents(of: id) }
            return Response(json: agents)
        }
        group.get("{gateway}/models") { request, call in
            let context = await hub.context(of: request, call)
            let id = try await hub.knownGateway(try call.parameter("gateway"))
            let view = request.uri.queryParameters["view"].map(String.init)
            guard view.map(ListParameters.views.contains) ?? true else {
                throw Rejection.badRequest("`view` must be one of \(ListParameters.views.joined(separator: ", ")).")
            }
            let models = try await hub.call(.models, gateway: id, context: context) { _ in
                try await hub.models(view: view, of: id)
            }
            return Response(json: models)
        }
        group.get("{gateway}/status") { request, call in
            let context = await hub.context(of: request, call)
            return Response(json: try await hub.gatewayStatus(try call.parameter("gateway"), context: context))
        }
    }
}

/// A gateway as somebody wants it added.
package struct NewGateway: Sendable {
    package let id: String
    package let name: String
    package let url: String
    var token: String?
    var password: String?
    var options: JSONObject = [:]

    /// - Parameter id: Made from the name when nil.
    /// - Throws: ``Rejection`` that says what is wrong.
    package init(id: String?, name: String, url: String) throws {
        try Self.check(name: name)
        try Self.check(url: url)
        let id = id ?? Self.slug(of: name)
        guard !id.isEmpty, id.utf8.allSatisfy(Self.isIDCharacter),
            id.utf8.first.map({ $0 != UInt8(ascii: "-") }) == true
        else {
            throw Rejection.badRequest("`id` must be lowercase letters, digits, - and _ (at most 64).")
        }
        self.id = id
        self.name = name
        self.url = url
    }

    /// - Throws: ``Rejection`` that says what is wrong with the body.
    init(_ body: JSONObject) throws {
        try body.requireOnly("id", "name", "url", "token", "password", "options")
        let id = try body.string("id", atMost: 64)
        guard let name = try body.string("name", atMost: 100) ?? id else {
            throw Rejection.badRequest("`name` is missing, and there is no `id` to take its place.")
        }
        guard let url = try body.string("url") else {
            throw Rejection.badRequest("`url` is missing. It looks like ws://host:18789 or wss://host.")
        }
        try self.init(id: id, name: name, url: url)
        token = try body.string("token", atMost: 4096)
        password = try body.string("password", atMost: 4096)
        options = try body.object("options") ?? [:]
    }

    static func check(url: String) throws {
        // Everybody who may chat sees the URL.
        guard !url.contains("@"), !url.contains("?") else {
            throw Rejection.badRequest(
                "`url` must hold neither user nor password nor query: give `token` or `password` beside it.")
        }
        if let problem = WebSocketClient.problem(withURL: url) { throw Rejection.badRequest("`url`: \(problem)") }
    }

    static func check(name: String) throws {
        guard name.contains(where: { !$0.isWhitespace }) else { throw Rejection.badRequest("`name` is missing.") }
    }

    /// Lowercase letters and digits of the name, with dashes between its words.
    static func slug(of name: String) -> String {
        let words = name.lowercased().utf8.split {
            !isIDCharacter($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
        }
        let slug = words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "-").prefix(64)
        return slug.isEmpty ? "gateway-\(RandomID.make().prefix(6))" : String(slug)
    }

    private static func isIDCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension Principal {
    func requireAdministrator() throws {
        guard isAdministrator else {
            throw Rejection(code: "forbidden", message: "Only an administrator may do this.")
        }
    }
}

extension BrowserHub {
    /// - Parameter new: Called for those only who may add one.
    func addGateway(
        context: MessageContext, _ new: @escaping @Sendable () async throws -> NewGateway
    ) async throws -> JSONValue {
        let storage = storage
        return try await call(.manage, gateway: "", context: context) { principal in
            try principal.requireAdministrator()
            let new = try await new()
            guard await !self.staysConfigured(new.id) else {
                throw Rejection.badRequest("There is a gateway “\(new.id)” already.")
            }
            let stored = StoredGateway(
                id: new.id, name: new.name, url: new.url, token: new.token, password: new.password,
                options: ([:] as JSONObject).merged(with: new.options))
            let configuration = try await GatewayConfiguration.checked(stored)
            try await storage.addGateway(stored)
            await self.useGateway(configuration)
            return stored.json(isConnected: false)
        }
    }

    /// What a gateway's own administrators see besides; nothing for everybody else.
    private func options(for principal: Principal) async throws -> [String: JSONObject] {
        guard principal.isAdministrator else { return [:] }
        return Dictionary(uniqueKeysWithValues: try await storage.gateways().map { ($0.id, $0.options) })
    }

    /// As ``gatewayList()``; administrators also see the options of those that were added at run time.
    func gatewayList(for principal: Principal) async throws -> [JSONValue] {
        let options = try await options(for: principal)
        return gatewayList().map { row in
            guard var members = row.object, let options = options[row["id"]?.string ?? ""] else { return row }
            members["options"] = .object(options)
            return .object(members)
        }
    }

    func gatewayStatus(_ id: String, context: MessageContext) async throws -> JSONValue {
        try await call(.gateways, gateway: id, context: context) { principal in
            guard let status = await self.status(of: id) else {
                throw Rejection.notFound("There is no gateway “\(id)”.")
            }
            let metadata = await self.metadata(of: id)
            let defaultModel: JSONValue = metadata?.defaultModel.map { .string($0) } ?? .null
            var object: JSONObject = [
                "id": .string(id),
                "agents": .array(metadata?.agentRows ?? []),
                "models": .array(metadata?.modelRows ?? []),
                "default_model": defaultModel,
                "defaultModel": defaultModel,
            ]
            object.add(status.told(to: principal, of: id))
            object["options"] = try await self.options(for: principal)[id].map { .object($0) }
            return .object(object)
        }
    }
}

extension StoredGateway {
    /// Never a secret.
    func json(isConnected: Bool) -> JSONValue {
        [
            "id": .string(id), "name": .string(name), "url": .string(url), "connected": .bool(isConnected),
            "options": .object(options),
        ]
    }
}
