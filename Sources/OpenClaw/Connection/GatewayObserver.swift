package import MiddlewareKit

/// Gets what happens on all gateways. All calls come on the event loop of the gateways, in the order of the frames.
package protocol GatewayObserver: AnyObject, Sendable {
    func gateway(_ id: String, didChange status: GatewayStatus)
    func gateway(_ id: String, didUpdate metadata: GatewayMetadata)
    /// At most one terminal event a run. After it the run's `owner` is let go of.
    func gateway(_ id: String, run: GatewayRun, didReceive event: ChatEvent)
    /// Something beside runs.
    func gateway(_ id: String, didReceive notice: GatewayNotice)
    /// The end of a read burst: time to flush what was written to browsers.
    func gatewayDidReadBurst(_ id: String)
}

/// What a gateway tells beside the events of runs.
package enum GatewayNotice: Sendable, Equatable {
    /// Frames were lost on the way: runs under way may have ended unseen (OpenClaw protocol: sequence numbers).
    case eventsLost
    /// The message of this run goes out to the gateway now, perhaps again.
    case sending(runID: String)
    /// The gateway did not answer the message of this run in time. It is sent again with the same key.
    case unanswered(runID: String)
    /// A message was added to a session, by whomever. The key is canonical.
    case message(sessionKey: String, HistoryMessage)
    /// Sessions were made or changed.
    case sessions([GatewaySession])
    /// An agent wants to run a command.
    case approvalRequested(ExecApproval)
    /// Somebody allowed or denied it.
    case approvalDecided(id: String, decision: String, by: String?)
    /// All that wait for a decision.
    case approvals([ExecApproval])
}

/// A session as the gateway lists it.
package struct GatewaySession: Sendable, Hashable {
    /// Canonical.
    package var key: String
    package var title: String?
    /// `provider/model`.
    package var model: String?
    package var lastActivity: Timestamp?
}
