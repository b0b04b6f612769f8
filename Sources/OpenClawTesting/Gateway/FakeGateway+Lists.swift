import JSON

/// The answers that list things (OpenClaw protocol: lists).
extension FakeGateway {
    var healthPayload: JSONValue {
        [
            "ok": true,
            "ts": now,
            "durationMs": 0,
            "channels": [:],
            "defaultAgentId": .string(keys.defaultAgentID),
            "sessions": ["count": .integer(Int64(transcripts.keys.count))],
        ]
    }

    var agentsPayload: JSONValue {
        let agents = options.agents.map { agent in
            var row: JSONObject = ["id": .string(agent.id)]
            if let name = agent.name {
                row["name"] = .string(name)
                row["identity"] = ["name": .string(name)]
            }
            return JSONValue.object(row)
        }
        return [
            "defaultId": .string(keys.defaultAgentID),
            "mainKey": .string(options.mainKey),
            "scope": .string(options.hasGlobalScope ? "global" : "per-sender"),
            "agents": .array(agents),
        ]
    }

    var modelsPayload: JSONValue {
        let models = JSONValue.array(
            options.models.map { model in
                [
                    "id": .string(model.id),
                    "name": .string(model.name),
                    "provider": .string(model.provider),
                    "contextWindow": .integer(Int64(model.contextWindow)),
                    "reasoning": false,
                    "input": ["text"],
                ]
            }
        )
        return faults.contains(.looseDialect) ? models : ["models": models]
    }

    /// The newest sessions first. Of the filters, `agentId`, `search`, `limit` and `offset` have an effect.
    func sessionsPayload(_ parameters: JSONValue) -> JSONValue {
        let model = options.models.first
        var sessionKeys = transcripts.keys.reversed().filter { key in
            parameters["agentId"]?.string.map { $0 == keys.agentID(of: key) } ?? true
        }
        if let search = parameters["search"]?.string, !search.isEmpty {
            sessionKeys = sessionKeys.filter { $0.contains(search.lowercased()) }
        }
        let rows = sessionKeys.dropFirst(parameters["offset"]?.int ?? 0).prefix(parameters["limit"]?.int ?? .max)
            .map { key in
                var row: JSONObject = [
                    "key": .string(key),
                    "kind": .string(key == "global" ? "global" : "direct"),
                    "updatedAt": transcripts.updatedAt(key).map { .integer($0) } ?? .null,
                    "sessionId": .string(transcripts.sessionID(key)),
                ]
                row["modelProvider"] = model.map { .string($0.provider) }
                row["model"] = model.map { .string($0.id) }
                for (name, value) in transcripts.choices(key) { row[name] = value }
                if options.protocolVersion == .v4 {
                    let active = runs.values.filter { $0.prompt.sessionKey == key }.map {
                        JSONValue.string($0.prompt.runID)
                    }
                    row["hasActiveRun"] = .bool(!active.isEmpty)
                    row["activeRunIds"] = .array(active)
                }
                return JSONValue.object(row)
            }
        var defaults: JSONObject = [:]
        if let model {
            defaults["modelProvider"] = .string(model.provider)
            defaults["model"] = .string(model.id)
            defaults["contextTokens"] = .integer(Int64(model.contextWindow))
        }
        return [
            "ts": now, "path": "(memory)", "count": .integer(Int64(rows.count)), "defaults": .object(defaults),
            "sessions": .array(Array(rows)),
        ]
    }
}
