import JSON

extension GatewayConnection {
    /// Asks for agents, models and defaults after each hello. What a gateway does not answer stays as it was.
    func readMetadata(_ hello: Hello) {
        runs.keys.read(sessionDefaults: hello.sessionDefaults)
        var known = metadata ?? GatewayMetadata()
        known.defaultAgentID = runs.keys.defaultAgentID
        known.mainKey = runs.keys.mainKey
        known.isGlobalScope = runs.keys.isGlobalScope
        publish(known)
        readLists(isWhole: true)
        subscribeToSessions(hello)
        readApprovals(hello)
    }

    /// What may change while the connection is up, and of which no event tells.
    ///
    /// - Parameter isWhole: All sessions; else the newest.
    func readLists(isWhole: Bool) {
        ask("agents.list", [:]) { connection, answer in
            connection.update { $0.read(agentsList: answer) }
            connection.adoptAgents()
        }
        readSessions(isWhole: isWhole)
        readModels(["view": "configured"])
    }

    /// Early gateways know no `view` and refuse it, others do not know this one: asked again without it.
    private func readModels(_ params: JSONValue) {
        submit("models.list", params) { [weak self] answer in
            self?.assumeIsolated { connection in
                switch answer {
                case .success(let payload): connection.update { $0.read(modelsList: payload) }
                case .failure(.refused("INVALID_REQUEST", _, _)) where params != [:]: connection.readModels([:])
                case .failure: break
                }
            }
        }
    }

    func ask(
        _ method: String,
        _ params: JSONValue,
        then handle: @escaping @Sendable (isolated GatewayConnection, JSONValue) -> Void
    ) {
        submit(method, params) { [weak self] answer in
            guard case .success(let payload) = answer else { return }
            self?.assumeIsolated { handle($0, payload) }
        }
    }

    func update(_ change: (inout GatewayMetadata) -> Void) {
        var changed = metadata ?? GatewayMetadata()
        change(&changed)
        publish(changed)
    }

    private func adoptAgents() {
        if let metadata { runs.keys = SessionKeys(metadata) }
    }
}
