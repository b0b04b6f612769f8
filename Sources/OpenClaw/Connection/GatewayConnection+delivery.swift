import JSON
import MiddlewareKit

/// Chat messages that are neither lost nor doubled, whatever happens to the connection.
extension GatewayConnection {
    /// Sends a message, and goes on trying until the gateway has taken it, by the rules of ``ChatDelivery``.
    ///
    /// Its run is known from here on, so that events which come before the answer find it. After `connectionLost` the
    /// run may be under way: it stays known, and its events are delivered. Messages of a session go out in the order in
    /// which they came.
    package func sendChat(_ chat: ChatRequest) async throws(GatewayError) -> ChatAcknowledgement {
        let sessionKey = canonicalKey(chat.sessionKey)
        let key = chat.idempotencyKey
        runs.register(id: key, sessionKey: sessionKey)
        deliverEvictions()
        // It is wanted again.
        untoldStops.removeAll { $0.id == key }
        let ticket = chatQueue.enter(runID: key, sessionKey: sessionKey, isInDoubt: chat.sentBefore != nil)
        defer { chatQueue.leave(ticket) }
        do throws(GatewayError) {
            let acknowledgement = try await deliver(chat, ticket)
            if ticket.isWithdrawn { throw .withdrawn }
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
            let error = ticket.isWithdrawn ? .withdrawn : error
            // Of one that was stopped and may be under way nothing is to be heard: it stays marked.
            let isMarked = ticket.isWithdrawn && ticket.isInDoubt
            if error != .connectionLost, !isMarked { runs.forget(id: key) }
            throw error
        }
    }

    private func deliver(
        _ chat: ChatRequest, _ ticket: ChatQueue.Ticket
    ) async throws(GatewayError) -> ChatAcknowledgement {
        let (key, sessionKey) = (ticket.runID, ticket.sessionKey)
        let acceptedAt = time.now
        // A wall clock that was set back makes no attempt of the future.
        let sentBefore = chat.sentBefore.map { min($0, acceptedAt) }
        var delivery = ChatDelivery(
            gateway: id, policy: configuration.whileAway, now: time.uptime,
            sentBefore: sentBefore.map { .milliseconds(acceptedAt.milliseconds - $0.milliseconds) })
        while true {
            if ticket.isWithdrawn { throw .withdrawn }
            if isStopped || Task.isCancelled { throw delivery.isInDoubt ? .connectionLost : stoppedError }
            let reason = status.reason ?? "it is \(status.state.rawValue)"
            let step = delivery.next(
                now: time.uptime, gatewayStart: gatewayStart, awayReason: reason, isFirst: chatQueue.isFirst(ticket))
            switch step {
            case .wait(let longest):
                try await wait(ticket, for: .connection, atMost: longest, isBound: delivery.isUnsent)
            case .waitForTurn(let longest):
                try await wait(ticket, for: .turn, atMost: longest, isBound: delivery.isUnsent)
            case .pause(let delay):
                try await wait(ticket, for: .pause, atMost: delay, isBound: delivery.isUnsent)
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
                tell(.sending(runID: key))
                do {
                    let acknowledgement = ChatAcknowledgement(payload: try await write(chat, ticket), key: key)
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

    /// Writes a message and waits for the answer. Once it is written those after it may go; when it fails they stay behind it
    /// from that very moment.
    private func write(_ chat: ChatRequest, _ ticket: ChatQueue.Ticket) async throws(GatewayError) -> JSONValue {
        let agentID = agentParameter(sessionKey: ticket.sessionKey, wanted: chat.agentID)
        let params = chat.params(canonicalKey: ticket.sessionKey, agentID: agentID)
        let answer = await withCheckedContinuation { continuation in
            chatQueue.goesOut(ticket)
            submit("chat.send", params) { answer in
                if case .failure(let error) = answer {
                    self.chatQueue.comesBack(ticket, isInDoubt: error.leavesDoubt)
                }
                continuation.resume(returning: answer)
            }
        }
        switch answer {
        case .success(let payload): return payload
        case .failure(let error): throw error
        }
    }

    /// Whether a message that is sent now would have to wait, and may.
    ///
    /// - Throws: When it may not: waiting is not wanted, there is no room, or only a person can repair the connection.
    func checkRoom() throws(GatewayError) -> Bool {
        if status.isConnected { return false }
        let reason = status.reason ?? "it is \(status.state.rawValue)"
        // Before the very first hello it is not known how the gateway spells its session keys.
        guard case .queue = configuration.whileAway, status.mayComeBackByItself, knowsKeys else {
            throw .notConnected(gateway: id, reason: reason)
        }
        guard chatQueue.count < configuration.whileAway.room else { throw .tooManyPending }
        return true
    }

    /// Lets a message wait. It can be taken back meanwhile.
    ///
    /// - Parameter isBound: Only if there is room. `checkRoom` was asked before the message was stored; others may have come
    ///   since.
    private func wait(
        _ ticket: ChatQueue.Ticket, for reason: ChatQueue.Reason, atMost longest: Duration, isBound: Bool
    ) async throws(GatewayError) {
        let (time, number, sessionKey) = (time, ticket.number, ticket.sessionKey)
        let error = await withTaskGroup(of: Void.self, returning: GatewayError?.self) { tasks in
            // One for each message that waits, of which there are only so many.
            tasks.addTask {
                // When the time is over the message goes on, and finds that it must give up.
                try? await time.sleep(for: longest)
                await self.wake(number, of: sessionKey)
            }
            // Looked at inside: on the way in there, others may join and what is waited for may come.
            let error: GatewayError? = await withCheckedContinuation { continuation in
                guard mustWait(ticket, for: reason) else { return continuation.resume(returning: nil) }
                if isBound, !ticket.isHeld, chatQueue.count >= configuration.whileAway.room {
                    return continuation.resume(returning: .tooManyPending)
                }
                chatQueue.wait(ticket, for: reason) { continuation.resume(returning: nil) }
            }
            tasks.cancelAll()
            return error
        }
        if let error { throw error }
    }

    private func mustWait(_ ticket: ChatQueue.Ticket, for reason: ChatQueue.Reason) -> Bool {
        guard !isStopped, !ticket.isWithdrawn else { return false }
        return switch reason {
        case .connection: !status.isConnected
        case .turn: status.isConnected && !chatQueue.isFirst(ticket)
        case .pause: true
        }
    }

    private func wake(_ number: Int, of sessionKey: String) { chatQueue.wake(number, of: sessionKey) }

    private var stoppedError: GatewayError { .notConnected(gateway: id, reason: "it was stopped") }

    /// When the gateway was started at the latest, by our clock; nil while it is not connected. One that does not tell may have
    /// been restarted just before it was connected to. The others tell in whole milliseconds for how long they have been running.
    private var gatewayStart: Duration? {
        guard status.isConnected else { return nil }
        guard let uptime = hello?.uptime else { return connectedAt }
        return connectedAt - uptime + .milliseconds(1)
    }
}
