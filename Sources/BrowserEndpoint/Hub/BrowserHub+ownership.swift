import Logging
import MiddlewareKit
import NIOCore
import OpenClaw
import PipelineEngine
import Storage

/// Somebody's messages that are on their way through the chain, in a session that nobody owns yet.
struct SessionClaim {
    let owner: SessionOwner
    var messages = 0
}

/// To whom a session belongs, and what follows when that changes.
extension BrowserHub {
    /// The first who writes in a session is its owner. Others who watched its key before that see nothing of it.
    ///
    /// What the gateway had before is not for whoever guesses its key: that stays with administrators. And a message that a stage
    /// turns away makes nobody an owner: until it has left the chain the session is only held, so that nobody else
    /// gets it meanwhile.
    ///
    /// - Parameter isFresh: The key was made up just now.
    /// - Returns: The session, to be let go of with `letGo` if `isHeld`.
    /// - Throws: ``Rejection`` when the session is not for this principal, or when that cannot be told.
    func claim(
        _ id: SessionID, for principal: Principal, isFresh: Bool = false
    ) async throws -> (session: Session, isHeld: Bool) {
        let isUndecided = try await session(id).owner == .undecided
        if isUndecided, !isFresh, principal != .anonymous, try await isBegunElsewhere(id) {
            try await decide(.nobody, of: id, for: principal, isKept: true)
        }
        let session = try await session(id)
        guard session.permits(principal) else {
            forgetIfIdle(session)
            throw Rejection.forbidden
        }
        guard session.owner == .undecided else { return (session, false) }
        let owner: SessionOwner = principal == .anonymous ? .nobody : .user(principal.user)
        var claim = claims[id] ?? SessionClaim(owner: owner)
        guard claim.owner == owner else {
            forgetIfIdle(session)
            throw Rejection.forbidden
        }
        claim.messages += 1
        claims[id] = claim
        return (session, true)
    }

    /// The message is through the chain: who holds the session is its owner from here on.
    ///
    /// - Parameter isKept: The owner is stored, unless a stage has done that.
    func settleClaim(on id: SessionID, for principal: Principal, isKept: Bool = true) async throws {
        guard let claim = claims[id], try await session(id).owner == .undecided else { return }
        try await decide(claim.owner, of: id, for: principal, isKept: isKept)
    }

    /// The message has left the chain, one way or another.
    func letGo(of id: SessionID) {
        claims[id]?.messages -= 1
        guard claims[id]?.messages == 0 else { return }
        claims[id] = nil
        // A stage may have stored the message before one below it turned it away; the database knows.
        if let session = sessions[id], session.owner == .undecided { session.owner = .unresolved }
    }

    private func isBegunElsewhere(_ id: SessionID) async throws -> Bool {
        guard keepsKnownSessions(of: id.gateway) else { return false }
        switch try await gateways.knowledge(ofSession: id.key, gateway: id.gateway) {
        case .known: return true
        case .new: return false
        case .uncertain:
            throw Rejection(
                code: "gateway_unavailable",
                message:
                    "Whether this session is somebody else's can be told only while the gateway “\(id.gateway)” is "
                    + "connected. Go on with a session of your own, or try again later.",
                retryAfterMs: 5000)
        }
    }

    private func keepsKnownSessions(of gateway: String) -> Bool {
        gateways.assumeIsolated { $0.configuration(of: gateway)?.sharesKnownSessions == false }
    }

    private func decide(
        _ owner: SessionOwner, of id: SessionID, for principal: Principal, isKept: Bool
    ) async throws {
        // Somebody else may have been the first, while the gateway was asked.
        let owner = remember(owner, of: id)
        if let session = sessions[id], session.owner == .undecided {
            session.owner = owner
            dismissStrangers(from: session)
        }
        // The stage that stores messages makes the sessions of their senders; it need not be there.
        let isMadeByItself = owner == .user(principal.user) && chains.hasActingStage(ofKind: "persist")
        guard isKept, principal != .anonymous, !isMadeByItself else { return }
        _ = try await storage.createSession(
            gateway: id.gateway, key: id.key, title: nil, agent: agentID(inSessionKey: id.key), model: nil,
            owner: owner.user)
    }

    /// Somebody wrote in the session through another client of the gateway: it is not for who writes in it next.
    func disown(_ session: Session) {
        switch session.owner {
        case .undecided:
            session.owner = remember(.nobody, of: session.id)
            dismissStrangers(from: session)
        case .unresolved:
            let id = session.id
            jobs.submit { await self.disown(id) }
        case .nobody, .user: break
        }
    }

    private func disown(_ id: SessionID) async {
        // What cannot be read stays unresolved: nobody sees it.
        guard let session = try? await session(id) else { return }
        disown(session)
        forgetIfIdle(session)
    }

    func dismissStrangers(from session: Session) {
        for audience in session.audiences {
            for connection in audience.connections where !session.permits(connection.principal ?? .anonymous) {
                dismiss(connection, from: session, spelling: audience.spelling, because: .forbidden)
            }
        }
    }

    /// Takes from a browser the sessions that are no longer for it.
    func dismiss(_ connection: BrowserConnection) {
        let principal = connection.principal ?? .anonymous
        for (id, spelling) in connection.watched {
            guard let session = sessions[id], !session.permits(principal) else { continue }
            dismiss(connection, from: session, spelling: spelling, because: .forbidden)
        }
    }

    /// How long a stage may hold an event of a run that is discarded.
    private static let discardPatience = TimeAmount.seconds(10)

    /// The session is to be deleted: its runs are stopped, and nobody watches it. Returns when nothing of them is on its way to
    /// the database any more, which would bring the session back.
    func discard(_ id: SessionID) async {
        let runs = sessions[id]?.runs ?? []
        dismissAll(from: id)
        // What a stopped run said stands in the gateway's history at the moment when it stops: it must be before the deletion.
        for run in runs where run.isAccepted && !run.isEndShown { await stopped(run) }
        for run in runs where run.isInHand {
            await withCheckedContinuation { continuation in
                guard run.isInHand else { return continuation.resume() }
                let number = run.restWaiters.add(continuation)
                eventLoop.assumeIsolated().scheduleTask(in: Self.discardPatience) { _ = run.restWaiters.giveUp(number) }
            }
        }
    }

    /// Returns when the gateway has stopped a run, or does not say so in time.
    private func stopped(_ run: LiveRun) async {
        let gateways = gateways
        let (id, runID) = (run.upstream, run.gatewayRunID)
        await gateways.ignore(runID: runID, gateway: id.gateway)
        guard status(of: id.gateway)?.isConnected == true else { return }
        try? await within(.seconds(5), time, on: taskExecutor, orElse: CancellationError()) {
            _ = try await gateways.abort(gateway: id.gateway, sessionKey: id.key, runID: runID)
        }
    }

    private func dismissAll(from id: SessionID) {
        if let session = sessions[id] {
            for run in session.runs {
                run.hasEnded = true
                run.waiting.removeAll()
                finish(run)
                // Whoever hands it over still hears that nobody waits for it.
                if !run.isAccepted { stop(run) }
            }
            let gone = Rejection(code: "session_deleted", message: "This session was deleted.")
            for audience in session.audiences {
                for connection in audience.connections {
                    dismiss(connection, from: session, spelling: audience.spelling, because: gone)
                }
            }
        }
        unstored.forget(id)
        forgetOwner(of: id)
        flush()
    }

    /// Asks the gateway to stop a run that nobody waits for any more.
    func stop(_ run: LiveRun) {
        let gateways = gateways
        let (id, runID) = (run.upstream, run.gatewayRunID)
        gateways.assumeIsolated { $0.ignore(runID: runID, gateway: id.gateway) }
        jobs.submit {
            // It ends by itself when the gateway is away or does not want to.
            _ = try? await gateways.abort(gateway: id.gateway, sessionKey: id.key, runID: runID)
        }
    }

    private func dismiss(
        _ connection: BrowserConnection, from session: Session, spelling: String, because rejection: Rejection
    ) {
        unwatch(session.id, connection)
        send(.error(id: nil, rejection, sessionKey: spelling, runID: nil), to: connection)
    }
}
