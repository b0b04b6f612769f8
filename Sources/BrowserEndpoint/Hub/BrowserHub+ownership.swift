import Logging
import MiddlewareKit
import NIOCore
import OpenClaw
import PipelineEngine
import Storage

/// To whom a session belongs, and what follows when that changes.
extension BrowserHub {
    /// The first who writes in a session is its owner. Others who watched its key before that see nothing of it.
    ///
    /// What the gateway had before is not for whoever guesses its key: that stays with administrators.
    ///
    /// - Parameters:
    ///   - isFresh: The key was made up just now.
    ///   - isKept: The owner is stored, unless a stage is going to do that.
    /// - Throws: ``Rejection`` when the session is not for this principal, or when that cannot be told.
    @discardableResult
    func claim(_ id: SessionID, for principal: Principal, isFresh: Bool = false, isKept: Bool = true) async throws
        -> Session
    {
        if try await session(id).owner == .undecided {
            let isBegunElsewhere = isFresh || principal == .anonymous ? false : try await isBegunElsewhere(id)
            let owner: SessionOwner =
                principal == .anonymous || isBegunElsewhere ? .nobody : .user(principal.user)
            try await decide(owner, of: id, for: principal, isKept: isKept)
        }
        let session = try await session(id)
        guard session.permits(principal) else {
            forgetIfIdle(session)
            throw Rejection.forbidden
        }
        return session
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
        let isMadeByItself = owner == .user(principal.user) && chains.hasStage(ofKind: "persist")
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

    /// The session is deleted: its runs are stopped and not stored, and nobody watches it.
    func discard(_ id: SessionID) {
        if let session = sessions[id] {
            for run in session.runs {
                run.hasEnded = true
                run.waiting.removeAll()
                finish(run)
                stop(run)
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
