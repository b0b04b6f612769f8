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
        let acceptedAt = time.now
        // A wall clock that was set back makes no attempt of the future.
        let sentBefore = chat.sentBefore.map { min($0, acceptedAt) }
        var delivery = ChatDelivery(
            gateway: id, policy: configuration.whileAway, now: time.uptime,
            sentBefore: sentBefore.map { .milliseconds(acceptedAt.milliseconds - $0.milliseconds) })
        while true {
            if isStopped { throw delivery.isInDoubt ? .connectionLost : stoppedError }
            let reason = status.reason ?? "it is \(status.state.rawValue)"
            switch delivery.next(now: time.uptime, gatewayStart: gatewayStart, awayReason: reason) {
            case .wait(let longest):
                try await wait(
                    runID: key, sessionKey: sessionKey, atMost: longest, isPause: false, isBound: !delivery.wasSent)
            case .pause(let delay):
                try await wait(
                    runID: key, sessionKey: sessionKey, atMost: delay, isPause: true, isBound: false)
            case .lookUp:
                let sought = SoughtRun(
                    runID: key, sessionKey: sessionKey, message: chat.message, since: sentBefore ?? acceptedAt)
                do {
                    switch try await find(sought) {
                    case .running, .pending:
                        sent.arrived(key)
                        return .inFlight(runID: key)
                    case .ended:
                        sent.arrived(key)
                        return .finished(runID: key)
                    case .unseen:
                        delivery.wasNotFound()
                    }
                } catch {
                    // Whether it arrived cannot be found out: better it is said than sent twice.
                    guard delivery.goesOn(after: error, now: time.uptime) else { throw .connectionLost }
                }
            case .send:
                delivery.willSend(now: time.uptime)
                sent.note(key, chat.message, in: sessionKey, at: sentBefore ?? time.now)
                do {
                    let agentID = agentParameter(sessionKey: sessionKey, wanted: chat.agentID)
                    let params = chat.params(canonicalKey: sessionKey, agentID: agentID)
                    let payload = try await request("chat.send", params: params)
                    let acknowledgement = ChatAcknowledgement(payload: payload, key: key)
                    if acknowledgement.runID == key { sent.arrived(key) }
                    return acknowledgement
                } catch {
                    guard delivery.goesOn(after: error, now: time.uptime) else { throw error }
                    if case .timedOut = error { tell(.unanswered(runID: key)) }
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
            throw .notConnected(gateway: id, reason: reason)
        }
        guard chatQueue.count < maxMessages else { throw .tooManyPending }
        return true
    }

    /// Waits for the connection, or for the end of a pause. The message can be taken back meanwhile.
    ///
    /// - Parameters:
    ///   - isPause: The connection is there.
    ///   - isBound: Only if there is room. `checkRoom` was asked before the message was stored; others may have come since.
    private func wait(
        runID: String, sessionKey: String, atMost longest: Duration, isPause: Bool, isBound: Bool
    ) async throws(GatewayError) {
        let time = time
        let error = await withTaskGroup(of: GatewayError?.self) { tasks -> GatewayError? in
            // One of two that are waited for here; `join` bounds how many messages wait at a time.
            tasks.addTask { await self.join(runID: runID, sessionKey: sessionKey, isPause: isPause, isBound: isBound) }
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

    private func join(runID: String, sessionKey: String, isPause: Bool, isBound: Bool) async -> GatewayError? {
        // Looked at inside: on the way in there, others may join and the connection may come back.
        await withCheckedContinuation { continuation in
            if isStopped { return continuation.resume(returning: stoppedError) }
            if status.isConnected, !isPause { return continuation.resume(returning: nil) }
            if isBound, case .queue(let most, _) = configuration.whileAway, chatQueue.count >= most {
                return continuation.resume(returning: .tooManyPending)
            }
            chatQueue.append(
                ChatQueue.Entry(runID: runID, sessionKey: sessionKey) { continuation.resume(returning: $0) })
        }
    }

    private func leave(runID: String, sessionKey: String) {
        _ = chatQueue.end(sessionKey: sessionKey, runID: runID, with: nil)
    }

    private var stoppedError: GatewayError { .notConnected(gateway: id, reason: "it was stopped") }

    /// When the gateway was started, by our clock; nil while it is not connected. One that does not tell may have been
    /// restarted just before it was connected to.
    private var gatewayStart: Duration? {
        guard status.isConnected else { return nil }
        return connectedAt - (hello?.uptime ?? .zero)
    }
}
