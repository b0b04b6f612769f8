import JSON

extension GatewayConnection {
    // MARK: Events

    func receive(_ delta: RawDelta) {
        do {
            if let event = try runs.receive(delta) { deliver(event) }
        } catch {
            noteGarbage("a chat event cannot be understood")
        }
        deliverEvictions()
    }

    func receive(chat payload: JSONValue) {
        do {
            for event in try runs.receive(chat: payload) { deliver(event) }
        } catch {
            noteGarbage("a chat event cannot be understood")
        }
        deliverEvictions()
    }

    private func deliver(_ event: RunTable.Event) {
        observer?.gateway(id, run: event.run, didReceive: event.event)
        if event.event.isTerminal { event.run.owner = nil }
    }

    func deliverEvictions() {
        guard !runs.evictions.isEmpty else { return }
        let evictions = runs.evictions
        runs.evictions = []
        for event in evictions { deliver(event) }
    }

    // MARK: Requests

    package func canonicalKey(_ key: String) -> String { runs.keys.canonical(key) }

    /// The `agentId` beside a key: the shared session of a gateway with global scope names no agent, and gateways from
    /// protocol 4 on want to be told (OpenClaw protocol: session keys).
    func agentParameter(sessionKey: String, wanted: String? = nil) -> String? {
        guard sessionKey == "global", hello?.protocolVersion ?? 0 >= 4 else { return nil }
        return wanted ?? runs.keys.defaultAgentID
    }

    /// Stops one run, or all runs of the session.
    ///
    /// - Returns: Whether something was stopped, and what. Its `aborted` event comes on its own.
    package func abort(
        sessionKey: String,
        runID: String?
    ) async throws(GatewayError) -> (aborted: Bool, runIDs: [String]) {
        let sessionKey = canonicalKey(sessionKey)
        let withdrawn = chatQueue.end(sessionKey: sessionKey, runID: runID, with: .withdrawn)
        if !withdrawn.isEmpty, runID != nil || !status.isConnected { return (true, withdrawn) }
        var params = JSONObject([("sessionKey", .string(sessionKey))])
        params["runId"] = runID.map(JSONValue.string)
        params["agentId"] = agentParameter(sessionKey: sessionKey).map(JSONValue.string)
        let answer = try await request("chat.abort", params: .object(params))
        let runIDs = answer["runIds"]?.array?.compactMap(\.string) ?? []
        return (answer["aborted"]?.bool ?? !runIDs.isEmpty || !withdrawn.isEmpty, withdrawn + runIDs)
    }
}
