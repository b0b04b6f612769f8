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
        let tickets = chatQueue.withdraw(sessionKey: sessionKey, runID: runID)
        for ticket in tickets where ticket.isInDoubt { stop(StoppedRun(id: ticket.runID, sessionKey: sessionKey)) }
        if status.isConnected { tellStops() }
        let withdrawn = tickets.map(\.runID)
        if !withdrawn.isEmpty, runID != nil || !status.isConnected { return (true, withdrawn) }
        let answer = try await request("chat.abort", params: abortParams(sessionKey: sessionKey, runID: runID))
        let runIDs = answer["runIds"]?.array?.compactMap(\.string) ?? []
        return (answer["aborted"]?.bool ?? !runIDs.isEmpty || !withdrawn.isEmpty, withdrawn + runIDs)
    }

    private func abortParams(sessionKey: String, runID: String?) -> JSONValue {
        var params = JSONObject([("sessionKey", .string(sessionKey))])
        params["runId"] = runID.map(JSONValue.string)
        params["agentId"] = agentParameter(sessionKey: sessionKey).map(JSONValue.string)
        return .object(params)
    }

    // MARK: Stops of runs that may be under way

    private static let maxUntoldStops = 100

    /// Nobody wants to hear of the run any more.
    private func stop(_ run: StoppedRun) {
        runs.markFinished(id: run.id)
        keep(run)
    }

    private func keep(_ run: StoppedRun) {
        if untoldStops.count >= Self.maxUntoldStops { untoldStops.removeFirst() }
        untoldStops.append(run)
    }

    /// Asks the gateway to stop them. What it did not hear it is asked again over the next connection.
    func tellStops() {
        let stops = untoldStops
        untoldStops = []
        for run in stops {
            submit("chat.abort", abortParams(sessionKey: run.sessionKey, runID: run.id)) { answer in
                if case .failure(let error) = answer, error.leavesDoubt { self.keep(run) }
            }
        }
    }
}

/// A run that may be under way at the gateway and is to be stopped there.
struct StoppedRun: Sendable {
    let id: String
    let sessionKey: String
}
