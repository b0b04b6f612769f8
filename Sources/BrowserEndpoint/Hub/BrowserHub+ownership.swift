import Logging
import MiddlewareKit
import NIOCore
import OpenClaw

/// To whom a session belongs, and what follows when that changes.
extension BrowserHub {
    /// The first who writes in a session is its owner. Others who watched its key before that see nothing of it.
    func claim(_ session: Session, for principal: Principal) {
        guard session.owner == .undecided else { return }
        session.owner = principal == .anonymous ? .nobody : .user(principal.user)
        dismissStrangers(from: session)
    }

    func claim(_ id: SessionID, for principal: Principal) {
        if let session = sessions[id] { claim(session, for: principal) }
    }

    /// Somebody wrote in the session through another client of the gateway: it is not for who writes in it next.
    func disown(_ session: Session) {
        guard session.owner == .undecided else { return }
        session.owner = .nobody
        dismissStrangers(from: session)
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

    /// The session is deleted: its runs are stopped and not stored, nobody watches it, and its key is anybody's again.
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
