import DequeModule
import Logging
import MiddlewareKit
import NIOCore
import OpenClaw
import PipelineEngine
import Storage
import Tracing
import WebSocketTransport

/// The way of a run: from the chat message that leaves the chain to the terminal event that the browsers get.
extension BrowserHub {
    /// The inbound terminal of a chat: tells the watchers, and hands the message to the gateway.
    ///
    /// `asked` is what the browser wrote, before any stage. `isForwarded` is called once the message's place in the gateway's queue
    /// is certain, before the gateway answers.
    func forward(
        _ message: InboundMessage, asked: String, context: MessageContext, session id: SessionID, agentID: String?,
        thinking: String?,
        chain: Chain, arrivedAt: Duration,
        isForwarded: @Sendable () async -> Void
    ) async throws {
        guard let runID = message.runID else { return }
        // What stages put around it for the gateway is not what somebody said. Where nothing is kept, everybody sees the words
        // as they were written.
        let shown = context[KeptWords.self] ?? asked
        try await settleClaim(on: id, for: context.principal ?? .anonymous)
        let repetition = storage.takeRepeat(of: runID, gateway: id.gateway, sessionKey: id.key)
        let storedEnd = repetition == nil ? nil : await storedEnd(of: runID, in: id)
        let session = try await session(id)
        // A message that is sent again does not go to another gateway than before.
        let upstream = session.runs.first { $0.run.id == runID }?.upstream ?? target(of: message.route, for: id)
        if let run = runs[RunKey(gateway: upstream.gateway, runID: runID)], run.session !== session {
            throw Rejection.keyInUse
        }
        // Stages may make different words of the same message each time; those that they left alone are the user's.
        if repetition?.hasSameWords == false, message.text == asked { throw Rejection.keyOfOtherMessage }
        var sentBefore = repetition?.storedAt
        if let run = runs[RunKey(gateway: upstream.gateway, runID: runID)] {
            if run.isEndShown {
                leave(run)
            } else if run.isRestored, run.isSought, run.isAccepted {
                // The server was stopped before it knew whether the message arrived, and has heard nothing of it since.
                sentBefore = run.run.startedAt
            } else {
                // The message was sent before, and its run goes on: whoever hands it over or looks for its end does so still.
                context.endTrace()
                broadcast(.accepted(shown, time.now), of: run)
                return flush()
            }
        }
        let run = begin(
            runID, session, upstream: upstream, context: context, chain: chain, arrivedAt: arrivedAt,
            hasEnded: storedEnd != nil)
        if run.context.id != context.id { context.endTrace() }
        run.sentText = message.text
        run.askedText = asked
        run.isAccepted = false
        context.logger.trace("to the gateway: \(message.text)")
        broadcast(.accepted(shown, time.now), of: run)
        if let kept = unstored.take(run.key) {
            endAgain(run, kept)
            return flush()
        }
        // The gateway forgets keys after a while.
        if let storedEnd, show(storedEnd, of: run) { return }
        if let answer = message.answer {
            run.isAccepted = true
            end(run, .final, RunOutcome(answer: answer, timestamp: time.now))
            return flush()
        }
        // Stages may have made a command of it, sent it to a gateway that takes less, or left nothing of it.
        let objection =
            message.isEmptied
            ? .emptied : objection(to: message, for: upstream.gateway, from: context.principal ?? .anonymous)
        if let objection {
            run.isAccepted = true
            end(
                run, .error,
                RunOutcome(
                    detail: objection.message, errorKind: objection.code, timestamp: time.now))
            return flush()
        }
        if status(of: upstream.gateway)?.isConnected == false { tell(run, phase: RunPhase.waiting) }
        flush()
        let request = ChatRequest(
            sessionKey: upstream.key, message: message.text, idempotencyKey: runID, attachments: message.attachments,
            agentID: message.route.map(\.agent) ?? agentID, thinking: thinking, sentBefore: sentBefore)
        recentSends.note(message.text, in: upstream)
        async let acknowledgement = gateways.sendChat(gateway: upstream.gateway, request)
        await isForwarded()
        defer { recentSends.arrived(message.text, in: upstream, now: time.uptime) }
        do {
            let acknowledgement = try await acknowledgement
            run.isAccepted = true
            switch acknowledgement {
            case .started: break
            case .inFlight(let other) where other == runID: break
            case .inFlight(let other): join(run, to: other)
            case .finished: showEnd(of: run)
            case .stopped:
                var outcome = RunOutcome(timestamp: time.now)
                outcome.text = ""
                end(run, .aborted, outcome)
            }
        } catch GatewayError.withdrawn {
            end(run, .aborted, RunOutcome(text: "", timestamp: time.now))
        } catch {
            // This server stops, not the gateway: the next start says what became of the message.
            if isDraining, error is GatewayError { return }
            let rejection = Rejection(answering: error, to: context.principal, logger: context.logger)
            end(run, .error, RunOutcome(detail: rejection.message, errorKind: rejection.code, timestamp: time.now))
        }
    }

    /// The gateway took the message for one that it is answering already: that run's answer is the answer to both.
    private func join(_ run: LiveRun, to runID: String) {
        run.gatewayRunID = runID
        let gateway = run.upstream.gateway
        guard let other = gateways.assumeIsolated({ $0.run(id: runID, gateway: gateway) }), !other.isFinished else {
            return showEnd(of: run)
        }
        guard let leader = other.owner as? LiveRun, leader !== run, !leader.hasEnded else {
            other.owner = run
            return
        }
        run.isFollower = true
        leader.followers.append(run)
    }

    /// Where a message of a session goes.
    func target(of route: MessageRoute?, for id: SessionID) -> SessionID {
        route.map { sessionID(gateway: $0.gateway, key: id.routedKey(agent: $0.agent)) } ?? id
    }

    /// - Parameters:
    ///   - upstream: The session at the gateway that answers; nil: the same.
    ///   - startedAt: When it began, of a run that is taken up again; nil: it begins now.
    ///   - hasEnded: It is known to have ended before, and its message was sent again.
    func begin(
        _ runID: String, _ session: Session, upstream: SessionID? = nil, context: MessageContext, chain: Chain? = nil,
        arrivedAt: Duration? = nil,
        startedAt: Timestamp? = nil,
        hasEnded: Bool = false
    ) -> LiveRun {
        let upstream = upstream ?? session.id
        let key = RunKey(gateway: upstream.gateway, runID: runID)
        if let run = runs[key] { return run }
        let run = Run(
            id: runID, gateway: session.id.gateway, sessionKey: session.id.key,
            agent: agentID(inSessionKey: session.id.key),
            user: context.principal.flatMap { $0 == .anonymous ? nil : $0.user }, startedAt: startedAt ?? time.now)
        let live = LiveRun(
            run: run, chain: chain ?? self.chain(of: run, context), context: context, session: session,
            upstream: upstream, arrivedAt: arrivedAt, now: time.uptime)
        live.sequence = lastNumbers[run]
        live.gatewaySpan = context.startSpan("gateway", ofKind: .client, traces?.tracer)
        runs[key] = live
        lookAfterQuietRuns(of: key.gateway)
        // What others wrote is no run; what a stop of the server interrupted, and what has ended, has begun before.
        if startedAt == nil, !hasEnded, live.sequence == 0, !RunName.isForeign(runID) {
            for stage in live.chain.observers { stage.runDidStart(run) }
        }
        session.runs.append(live)
        sessions[session.id] = session
        return live
    }

    /// The run of a gateway's event; a new one when it was started elsewhere.
    func live(_ gatewayRun: GatewayRun) -> LiveRun {
        if let live = gatewayRun.owner as? LiveRun {
            guard live.wasGivenUp else { return live }
            let again = resume(live)
            gatewayRun.owner = again
            return again
        }
        let id = SessionID(gateway: gatewayRun.gatewayID, key: gatewayRun.sessionKey)
        let session = sessions[id] ?? Session(id: id, owner: .unresolved)
        let live: LiveRun
        if let known = runs[RunKey(gateway: id.gateway, runID: gatewayRun.id)] {
            live = known
        } else {
            disown(session)
            let context = traced(
                makeContext(nil, credential: nil, principal: nil, gateway: id.gateway), "run", ofKind: .consumer, id,
                runID: gatewayRun.id)
            live = begin(gatewayRun.id, session, context: context)
            lookForMessages(in: session)
        }
        gatewayRun.owner = live
        return live
    }

    /// A run that was given up goes on after all: in its own session, on its own chain. The browsers were told that it failed.
    private func resume(_ run: LiveRun) -> LiveRun {
        if let known = runs[run.key] { return known }
        let again = begin(
            run.run.id, sessions[run.session.id] ?? run.session, upstream: run.upstream, context: run.context,
            chain: run.chain, startedAt: run.run.startedAt)
        again.gatewayRunID = run.gatewayRunID
        again.sentText = run.sentText
        again.askedText = run.askedText
        again.twins = run.twins
        again.wasToldOfFailure = true
        return again
    }

    // MARK: Text

    func receive(_ change: TextChange, of run: LiveRun) {
        guard !run.hasEnded else { return }
        run.rawText.apply(change)
        if run.isBusy || run.replyText.isAwaiting {
            run.enqueue(change)
            pump(run)
        } else {
            do {
                show(try run.replyText.feed(change), of: run)
            } catch {
                breakOff(run, error)
                pump(run)
            }
        }
    }

    func show(_ change: TextChange, of run: LiveRun) {
        guard !change.isEmpty else { return }
        if run.phase != nil { run.phase = nil }
        let shown = run.visibleText.utf8.count
        run.visibleText.apply(change)
        if run.firstTextAt == nil, !run.visibleText.isEmpty {
            run.firstTextAt = time.uptime
            run.gatewaySpan?.addEvent("first text")
        }
        run.sequence += 1
        for audience in run.session.audiences {
            var frame: EncodedFrameBox?
            for connection in audience.connections {
                if var lag = connection.lags[ObjectIdentifier(run)] {
                    if case .replace = change {
                        lag.sentBytes = nil
                        connection.lags[ObjectIdentifier(run)] = lag
                    }
                } else if !connection.socket.isWritable {
                    var lag = BrowserConnection.Lag(run: run, sentBytes: shown)
                    if case .replace = change { lag.sentBytes = nil }
                    connection.lags[ObjectIdentifier(run)] = lag
                } else {
                    let encoded = frame ?? EncodedFrameBox(audience.encode(.delta(change), of: run))
                    frame = encoded
                    if let bytes = encoded.frame { send(bytes, to: connection) }
                }
            }
        }
    }

    /// Sends a browser that read too slowly what it has missed of a run, as one delta.
    func catchUp(_ connection: BrowserConnection, with run: LiveRun) {
        guard let lag = connection.lags.removeValue(forKey: ObjectIdentifier(run)) else { return }
        guard
            let audience = run.session.audiences.first(where: { audience in
                audience.connections.contains { $0 === connection }
            })
        else { return }
        let change: TextChange
        if let sent = lag.sentBytes {
            change = .append(String(decoding: run.visibleText.utf8.dropFirst(sent), as: UTF8.self))
        } else {
            change = .replace(run.visibleText)
        }
        guard !change.isEmpty, let frame = audience.encode(.delta(change), of: run) else { return }
        send(frame, to: connection)
    }

    // MARK: Events

    func end(_ run: LiveRun, _ kind: EventKind, _ outcome: RunOutcome) {
        guard !run.hasEnded else { return }
        run.hasEnded = true
        run.endedAt = time.uptime
        metrics.ended(kind, run.timing)
        let failure = kind == .error ? outcome.errorKind ?? "unknown" : nil
        run.gatewaySpan?.end(error: failure)
        // The stages have yet to hear of it, so the message's own span goes on.
        if let failure { run.context.markTrace(failure) }
        run.waiting.append(.event(kind, outcome))
        pump(run)
        let followers = run.followers
        run.followers = []
        for follower in followers {
            var outcome = outcome
            outcome.text = outcome.text ?? run.rawText
            end(follower, kind, outcome)
        }
    }

    /// Tells the watchers what is going on, without text.
    func tell(_ run: LiveRun, phase: String) {
        guard !run.hasEnded, run.waiting.count < 16 else { return }
        run.waiting.append(.event(.status, RunOutcome(detail: phase, timestamp: time.now)))
        pump(run)
    }

    /// Tells one who begins to watch what a run is doing, when it has not said anything since it was told.
    func showPhase(of run: LiveRun, to connection: BrowserConnection) {
        guard let phase = run.phase,
            let audience = run.session.audiences.first(where: { audience in
                audience.connections.contains { $0 === connection }
            })
        else { return }
        let event = OutboundEvent(kind: .status, run: run.run, text: "", detail: phase, timestamp: time.now)
        run.sequence += 1
        if let frame = audience.encode(.whole(event), of: run) { send(frame, to: connection) }
    }

    /// The outbound terminal: the browsers get the event. Before it they get what is missing of its text, so that the
    /// deltas joined are the text of the final.
    func show(_ event: OutboundEvent, of key: RunKey) {
        guard let run = runs[key] else { return }
        if event.kind == .status { run.phase = event.detail }
        if event.kind.isTerminal, run.wasToldOfFailure {
            show(.replace(event.text), of: run)
            // Byte by byte: two spellings of the same character are equal to a String.
        } else if event.kind.isTerminal, !event.text.utf8.elementsEqual(run.visibleText.utf8) {
            if event.text.utf8.starts(with: run.visibleText.utf8) {
                show(
                    .append(String(decoding: event.text.utf8.dropFirst(run.visibleText.utf8.count), as: UTF8.self)),
                    of: run)
            } else {
                show(.replace(event.text), of: run)
            }
        }
        if event.kind.isTerminal { run.isEndShown = true }
        if event.kind != .status { run.context.logger.trace("from the gateway: \(event.text)") }
        broadcast(.whole(event), of: run)
        if event.kind == .final, let tokens = event.usage?.total, let limit = contextWindow(of: key.gateway) {
            broadcast(.contextUse(tokens: tokens, limit: limit), of: run)
        }
    }

    /// Of the gateway's default model, in tokens.
    private func contextWindow(of gateway: String) -> Int? {
        guard let metadata = metadata(of: gateway) else { return nil }
        let model = metadata.models.first { $0.id == metadata.defaultModel } ?? metadata.models.first
        return model?.contextWindow.flatMap { $0 > 0 ? $0 : nil }
    }

    func broadcast(_ frame: EventFrame, of run: LiveRun) {
        // With the number of the last delta, which these browsers did not get.
        for audience in run.session.audiences {
            for connection in audience.connections { catchUp(connection, with: run) }
        }
        run.sequence += 1
        for audience in run.session.audiences {
            guard let encoded = audience.encode(frame, of: run) else { continue }
            for connection in audience.connections { send(encoded, to: connection) }
        }
    }

    func finish(_ run: LiveRun) {
        run.gatewaySpan?.end()
        run.context.endTrace()
        leave(run)
        if run.isForeign, !RunName.isForeign(run.run.id) { lookForMessages(in: run.session) }
        forgetIfIdle(run.session)
    }

    /// The run is under way no more. Another one with its key may have begun since.
    private func leave(_ run: LiveRun) {
        run.session.runs.removeAll { $0 === run }
        guard runs[run.key] === run else { return }
        runs[run.key] = nil
        lastNumbers.keep(run.sequence, of: run.run)
    }
}

/// A frame that was encoded, or found not to exist, for an audience.
private struct EncodedFrameBox {
    let frame: EncodedFrame?
    init(_ frame: EncodedFrame?) { self.frame = frame }
}

extension RunOutcome {
    /// The answer of a stage. No model was asked, so it is known that it took no tokens.
    fileprivate init(answer: String, timestamp: Timestamp) {
        self.init(text: answer, usage: Usage(input: 0, output: 0), timestamp: timestamp)
        isWithoutModel = true
    }
}

extension InboundMessage {
    /// No gateway takes a message that says nothing.
    fileprivate var isEmptied: Bool { attachments.isEmpty && text.allSatisfy(\.isWhitespace) }
}

extension Rejection {
    fileprivate static let emptied = Rejection(
        code: "empty_message", message: "The stages of this server left nothing of the message, so it was not sent.")
}
