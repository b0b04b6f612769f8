import JSON
import MiddlewareKit
import OpenClaw
import Storage

/// Which sessions somebody wants to see.
enum SessionQuery: Sendable {
    /// Those that Sluice keeps.
    ///
    /// - Parameter before: Where the page before this one ended.
    case kept(limit: Int, before: Int64?)
    /// Those that the gateway lists, by its own parameters.
    case gateway(JSONObject)
}

/// Parameters of the gateway's lists that can be given here (OpenClaw protocol: lists). Each is passed on as it is; what an
/// older gateway does not know is left out.
enum ListParameters {
    /// The value of `source` for the gateway's own list.
    static let gateway = "gateway"
    /// The views that are known in all versions of protocol 4; gateways with protocol 3 know one.
    static let views = ["default", "configured", "all"]

    enum Kind { case text, count, flag }

    /// Without the last messages: no stage has seen them.
    static let sessions: [(name: String, kind: Kind)] = [
        ("limit", .count), ("offset", .count), ("activeMinutes", .count), ("search", .text), ("label", .text),
        ("agentId", .text), ("spawnedBy", .text), ("archived", .flag), ("configuredAgentsOnly", .flag),
        ("includeGlobal", .flag), ("includeUnknown", .flag), ("includeDerivedTitles", .flag),
    ]
}

extension SessionQuery {
    /// - Parameters:
    ///   - source: Nil: what Sluice keeps.
    ///   - value: Gives a parameter as JSON, or throws when it has another form than its kind.
    /// - Throws: ``Rejection`` that says what is wrong, or what `value` throws.
    init(
        source: String?, limit: Int, before: Int64?, value: (String, ListParameters.Kind) throws -> JSONValue?
    ) throws {
        guard let source, source != "sluice" else {
            for (name, kind) in ListParameters.sessions where name != "limit" {
                guard try value(name, kind) == nil else {
                    throw Rejection.badRequest(
                        "`\(name)` is for the gateway's own list: add `source` with the value gateway.")
                }
            }
            self = .kept(limit: limit, before: before)
            return
        }
        guard source == ListParameters.gateway else {
            throw Rejection.badRequest("`source` must be sluice or gateway.")
        }
        guard before == nil else {
            throw Rejection.badRequest("The gateway's own list has no `before`: pass over rows with `offset`.")
        }
        var params: JSONObject = [:]
        for (name, kind) in ListParameters.sessions { params[name] = try value(name, kind) }
        params["limit"] = .integer(Int64(limit))
        self = .gateway(params)
    }
}

extension BrowserHub {
    /// The sessions that the principal may see, as Sluice keeps them or as the gateway lists them.
    ///
    /// - Returns: The page, and where it ends; nil when there is no other.
    func sessions(
        _ query: SessionQuery, of gateway: String, for principal: Principal
    ) async throws -> (rows: [JSONValue], before: Int64?) {
        switch query {
        case .kept(let limit, let before):
            // One more than asked for tells whether there are others.
            let rows = try await storage.sessions(
                gateway: gateway, visibleTo: principal, limit: limit + 1, before: before)
            let page = rows.prefix(limit)
            return (page.map(\.json), rows.count > limit ? page.last?.id : nil)
        case .gateway(let params):
            var visible: [JSONValue] = []
            for row in try await gateways.sessions(gateway: gateway, params) {
                let id = SessionID(gateway: gateway, key: row["key"]?.string ?? "")
                if try await maySee(id, principal) { visible.append(.object(row)) }
            }
            return (visible, nil)
        }
    }

    /// Watching a session that is nobody's yet is allowed to all; reading its title is not.
    private func maySee(_ id: SessionID, _ principal: Principal) async throws -> Bool {
        if principal == .anonymous { return true }
        return switch try await owner(of: id) {
        case .user(let user): user == principal.user
        case .nobody, .undecided: principal.isAdministrator && !id.isRouteTarget
        case .unresolved: false
        }
    }

    func models(view: String?, of gateway: String) async throws -> JSONValue {
        let metadata = metadata(of: gateway)
        let models =
            if let view { try await gateways.models(gateway: gateway, view: view) } else { metadata?.models ?? [] }
        return [
            "models": .array(models.map(\.json)),
            "defaultModel": metadata?.defaultModel.map { .string($0) } ?? .null,
        ]
    }

    func agents(of gateway: String) -> JSONValue {
        let metadata = metadata(of: gateway)
        return [
            "agents": .array(metadata?.agents.map(\.json) ?? []),
            "defaultId": metadata.map { .string($0.defaultAgentID) } ?? .null,
        ]
    }
}
