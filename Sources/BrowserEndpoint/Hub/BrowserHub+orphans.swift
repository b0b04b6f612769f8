import Logging
import MiddlewareKit
import NIOCore

/// Runs whose gateway went away: most go on when it is back, some never will. Nobody waits for those for ever.
extension BrowserHub {
    /// How long a run may stay silent after its gateway went away or came back.
    static let orphanPatience = Duration.seconds(60)

    /// Call it when the connection of a gateway was lost or has come back.
    func watchOrphans(of gateway: String) {
        let since = time.uptime
        guard runs.values.contains(where: { $0.run.gateway == gateway }) else { return }
        eventLoop.scheduleTask(in: TimeAmount(Self.orphanPatience)) {
            self.assumeIsolated { $0.endOrphans(of: gateway, silentSince: since) }
        }
    }

    private func endOrphans(of gateway: String, silentSince: Duration) {
        for run in runs.values where run.run.gateway == gateway && run.lastHeard <= silentSince && !run.hasEnded {
            logger.warning(
                "a run was given up: its gateway went away and did not go on with it",
                metadata: ["gateway.id": "\(gateway)", "run.id": "\(run.run.id)"])
            end(
                run, .error,
                RunOutcome(
                    detail: "The connection to the gateway was lost while it answered, and the answer did not go on.",
                    errorKind: "gateway_lost", timestamp: time.now))
        }
    }
}
