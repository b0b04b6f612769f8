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
        observer?.gateway(configuration.id, run: event.run, didReceive: event.event)
        if event.event.isTerminal { event.run.owner = nil }
    }

    private func deliverEvictions() {
        guard !runs.evictions.isEmpty else { return }
        let evictions = runs.evictions
        runs.evictions = []
        for event in evictions { deliver(event) }
    }

    // MARK: Requests

    package func canonicalKey(_ key: String) -> String { runs.keys.canonical(key) }

    /// Sends a message. Its run is known from here on, so that events which come before the answer find it.
    ///
    /// After `connectionLost` and `timedOut` the run may be under way: it stays known, and its events are delivered.
    package func sendChat(_ chat: ChatRequest) async throws(GatewayError) -> ChatAcknowledgement {
        let sessionKey = canonicalKey(chat.sessionKey)
        let key = chat.idempotencyKey
        runs.register(id: key, sessionKey: sessionKey)
        deliverEvictions()
        let payload: JSONValue
        do {
            payload = try await request("chat.send", params: chat.params(canonicalKey: sessionKey))
        } catch {
            switch error {
            case .connectionLost, .timedOut: break
            default: runs.forget(id: key)
            }
            throw error
        }
        let acknowledgement = ChatAcknowledgement(payload: payload, key: key)
        switch acknowledgement {
        case .started(let runID), .inFlight(let runID):
            if runID != key {
                runs.forget(id: key)
                if runs.run(id: runID) == nil { runs.register(id: runID, sessionKey: sessionKey) }
            }
        case .finished(let runID): runs.markFinished(id: runID)
        case .stopped: runs.forget(id: key)
        }
        return acknowledgement
    }

    /// Stops one run, or all runs of the session.
    ///
    /// - Returns: Whether something was stopped, and what. Its `aborted` event comes on its own.
    package func abort(
        sessionKey: String,
        runID: String?
    ) async throws(GatewayError) -> (aborted: Bool, runIDs: [String]) {
        var params = JSONObject([("sessionKey", .string(canonicalKey(sessionKey)))])
        params["runId"] = runID.map(JSONValue.string)
        let answer = try await request("chat.abort", params: .object(params))
        let runIDs = answer["runIds"]?.array?.compactMap(\.string) ?? []
        return (answer["aborted"]?.bool ?? !runIDs.isEmpty, runIDs)
    }

    /// The newest messages of a session, oldest first, without silent replies.
    ///
    /// - Parameter limit: 1 to 1000.
    package func history(sessionKey: String, limit: Int) async throws(GatewayError) -> [ChatMessage] {
        let params: JSONValue = [
            "sessionKey": .string(canonicalKey(sessionKey)),
            "limit": .integer(Int64(min(max(limit, 1), 1_000))),
        ]
        let answer = try await request("chat.history", params: params)
        guard let rows = answer["messages"]?.array ?? answer.array else {
            throw .unexpectedAnswer(method: "chat.history")
        }
        return rows.compactMap { ChatMessage(json: $0) }
            .filter { $0.role != "assistant" || !SilentReply.isToken($0.text) }
    }
}
