import JSON
import MiddlewareKit

/// Chat messages that are neither lost nor doubled, whatever happens to the connection.
extension GatewayConnection {
    /// Sends a message, and goes on trying until the gateway has taken it, by the rules of ``ChatDelivery``.
    ///
    /// Its run is known from here on, so that events which come before the answer find it. After `connectionLost` the
    /// run may be under way: it stays known, and its events are delivered. Messages that wait go out in the order in
    /// which they came.
    package func sendChat(_ chat: ChatRequest) async throws(GatewayError) -> ChatAcknowledgement {
        let sessionKey = canonicalKey(chat.sessionKey)
        let key = chat.idempotencyKey
        runs.register(id: key, sessionKey: sessionKey)
        deliverEvictions()
        do {
            let acknowledgement = try await deliver(chat, sessionKey: sessionKey)
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
        } catch {
            if error != .connectionLost { runs.forget(id: key) }
            throw error
        }
    }

    private func deliver(_ chat: ChatRequest, sessionKey: String) async throws(GatewayError) -> ChatAcknowledgement {
        let key = chat.idempotencyKey
        let sentAt = time.now
        var delivery = ChatDelivery(gateway: configuration.id, policy: configuration.whileAway, now: time.uptime)
        while true {
            let reason = status.reason ?? "it is \(status.state.rawValue)"
            switch delivery.next(now: time.uptime, gatewayStart: gatewayStart, awayReason: reason) {
            case .wait(let longest):
                try await waitForConnection(runID: key, sessionKey: sessionKey, atMost: longest)
            case .lookUp:
                delivery.didLookUp()
                let sought = SoughtRun(runID: key, sessionKey: sessionKey, message: chat.message, since: sentAt)
                switch try? await find(sought) {
                case .running, .pending: return .inFlight(runID: key)
                case .ended: return .finished(runID: key)
                case .unseen, nil: break
                }
            case .send:
                delivery.willSend(now: time.uptime)
                do {
                    let agentID = agentParameter(sessionKey: sessionKey, wanted: chat.agentID)
                    let params = chat.params(canonicalKey: sessionKey, agentID: agentID)
                    let payload = try await request("chat.send", params: params)
                    return ChatAcknowledgement(payload: payload, key: key)
                } catch {
                    guard delivery.mayGoOn(after: error, now: time.uptime) else { throw error }
                }
            case .giveUp(let error):
                throw error
            }
        }
    }

    /// Whether a message that is sent now would have to wait, and may.
    ///
    /// - Throws: When it may not: waiting is not wanted, there is no room, or only a person can repair the connection.
    func checkRoom() throws(GatewayError) -> Bool {
        if status.isConnected { return false }
        let reason = status.reason ?? "it is \(status.state.rawValue)"
        // Before the very first hello it is not known how the gateway spells its session keys.
        guard case .queue(let maxMessages, _) = configuration.whileAway, status.mayComeBackByItself, knowsKeys
        else {
            throw .notConnected(gateway: configuration.id, reason: reason)
        }
        guard chatQueue.count < maxMessages else { throw .tooManyPending }
        return true
    }

    private func waitForConnection(
        runID: String, sessionKey: String, atMost longest: Duration
    ) async throws(GatewayError) {
        let time = time
        let error = await withTaskGroup(of: GatewayError?.self) { tasks -> GatewayError? in
            tasks.addTask { await self.join(runID: runID, sessionKey: sessionKey) }
            tasks.addTask {
                // When the time is over the message goes on, and finds that it must give up.
                try? await time.sleep(for: longest)
                await self.leave(runID: runID, sessionKey: sessionKey)
                return nil
            }
            let first = await tasks.next() ?? nil
            tasks.cancelAll()
            return first
        }
        if let error { throw error }
    }

    private func join(runID: String, sessionKey: String) async -> GatewayError? {
        // The connection may be back already.
        if status.isConnected { return nil }
        return await withCheckedContinuation { continuation in
            chatQueue.append(
                ChatQueue.Entry(runID: runID, sessionKey: sessionKey) { continuation.resume(returning: $0) })
        }
    }

    private func leave(runID: String, sessionKey: String) {
        _ = chatQueue.end(sessionKey: sessionKey, runID: runID, with: nil)
    }

    /// When the gateway was started, by our clock; nil while it is not connected.
    private var gatewayStart: Duration? {
        guard status.isConnected else { return nil }
        return connectedAt - (hello?.uptime ?? .seconds(1 << 40))
    }
}
