package import JSON

/// What a gateway offers: read after each connect and kept while the connection is away.
package struct GatewayMetadata: Sendable, Equatable {
    package struct Agent: Sendable, Hashable {
        package var id: String
        package var name: String
    }

    package struct Model: Sendable, Hashable {
        /// `provider/id`.
        package var id: String
        package var name: String
        package var provider: String
        /// In tokens.
        package var contextWindow: Int?
    }

    package var defaultAgentID = "main"
    package var mainKey = "main"
    package var isGlobalScope = false
    package var agents: [Agent] = []
    package var models: [Model] = []
    package var defaultModel: String?
    /// The rows as the gateway sent them, for passing on.
    package var agentRows: [JSONValue] = []
    package var modelRows: [JSONValue] = []

    package init() {}
}

extension GatewayMetadata {
    /// Takes an answer to `agents.list`. System agents are hidden.
    mutating func read(agentsList answer: JSONValue) {
        if let id = answer["defaultId"]?.string, !id.isEmpty { defaultAgentID = id }
        if let key = answer["mainKey"]?.string, !key.isEmpty { mainKey = key }
        if let scope = answer["scope"]?.string { isGlobalScope = scope == "global" }
        agentRows = (answer["agents"]?.array ?? answer.array ?? []).filter {
            $0["id"]?.string != nil && $0["kind"]?.string != "system"
        }
        agents = agentRows.compactMap { row in
            row["id"]?.string.map { id in
                Agent(id: id, name: row["identity"]?["name"]?.string ?? row["name"]?.string ?? id)
            }
        }
    }

    /// Takes an answer to `models.list`, which some servers give as a bare array.
    mutating func read(modelsList answer: JSONValue) {
        modelRows = (answer["models"]?.array ?? answer.array ?? []).filter { $0["id"]?.string != nil }
        models = modelRows.compactMap { row in
            row["id"]?.string.map { id in
                let provider = row["provider"]?.string ?? ""
                return Model(
                    id: provider.isEmpty ? id : "\(provider)/\(id)",
                    name: row["name"]?.string ?? id,
                    provider: provider,
                    contextWindow: row["contextWindow"]?.int
                )
            }
        }
    }

    /// Takes the `defaults` of an answer to `sessions.list`.
    mutating func read(sessionsList answer: JSONValue) {
        guard let model = answer["defaults"]?["model"]?.string, !model.isEmpty else { return }
        let provider = answer["defaults"]?["modelProvider"]?.string ?? ""
        defaultModel = provider.isEmpty ? model : "\(provider)/\(model)"
    }
}
