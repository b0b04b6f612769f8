import Logging
import MiddlewareKit
import Settings
import Stages
import Webhooks

/// Events that wait for a webhook stage or an endpoint which the configuration does not have, because it was renamed or taken out.
/// Both are known by their names, so nobody delivers them until there is one of that name again.
struct StrandedWebhooks {
    let store: any DeliveryStore
    let time: any TimeSource
    let logger: Logger

    /// As long as dead events are kept where nothing else is said.
    private static let keep = WebhookOptions().keepDead

    /// Says what waits in vain, and forgets what did so for too long.
    func report(_ loaded: LoadedSettings) async {
        let stages = loaded.chains.stages.compactMap { stage in
            (stage.options as? WebhookOptions).map { (name: stage.entry.name, options: $0) }
        }
        let before = Timestamp(milliseconds: time.now.milliseconds - Self.keep.wholeMilliseconds)
        do {
            for (stage, count) in try await store.strandedDeliveries(stages: stages.map(\.name), before: before) {
                logger.warning(
                    """
                    \(count.waitingEvents) for a stage “\(stage)”, which the configuration does not have; name a webhook \
                    stage so, or each is forgotten 30 days after it happened
                    """)
            }
            for stage in stages { try await reportEndpoints(of: stage.name, stage.options) }
        } catch {
            logger.warning("events of webhook stages and endpoints that are gone could not be looked for: \(error)")
        }
    }

    private func reportEndpoints(of stage: String, _ options: WebhookOptions) async throws {
        let known = options.endpoints.map(\.name) + (try await store.addedEndpoints(stage: stage).map(\.name))
        let left = try await store.deliveryCounts(stage: stage).filter { $0.open > 0 && !known.contains($0.endpoint) }
        guard !left.isEmpty else { return }
        let names = left.map { "\($0.endpoint) (\($0.open))" }.joined(separator: ", ")
        logger.warning(
            """
            \(left.map(\.open).reduce(0, +).waitingEvents) for endpoints that the stage “\(stage)” does not have any more: \
            \(names); give an endpoint that name, or each is given up \(options.keepDead.optionText) after it happened
            """)
    }
}

extension Int {
    /// So many, as the beginning of a sentence.
    fileprivate var waitingEvents: String { self == 1 ? "1 webhook event waits" : "\(self) webhook events wait" }
}
