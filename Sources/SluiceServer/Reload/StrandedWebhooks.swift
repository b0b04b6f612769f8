import Logging
import MiddlewareKit
import Settings
import Stages

/// Events that wait for a webhook stage which the configuration does not have, because it was renamed or taken out. A stage knows
/// its events by its name, so nobody delivers them until there is a stage of that name again.
struct StrandedWebhooks {
    let store: any DeliveryStore
    let time: any TimeSource
    let logger: Logger

    /// As long as dead events are kept where nothing else is said.
    private static let keep = WebhookOptions().keepDead

    /// Says what waits in vain, and forgets what did so for too long.
    func report(_ loaded: LoadedSettings) async {
        let stages = loaded.chains.stages.filter { $0.options is WebhookOptions }.map(\.entry.name)
        let before = Timestamp(milliseconds: time.now.milliseconds - Self.keep.wholeMilliseconds)
        do {
            for (stage, count) in try await store.strandedDeliveries(stages: stages, before: before) {
                logger.warning(
                    """
                    \(count) webhook events wait for a stage “\(stage)”, which the configuration does not have; name a webhook \
                    stage so, or they are forgotten after 30 days
                    """)
            }
        } catch {
            logger.warning("events of webhook stages that are gone could not be looked for: \(error)")
        }
    }
}
