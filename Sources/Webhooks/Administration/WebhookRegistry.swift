package import MiddlewareKit
import Synchronization

/// The webhook stages that are in use, for those who look at them.
package final class WebhookRegistry: Sendable {
    private let workers = Mutex<[String: DeliveryWorker]>([:])

    package init() {}

    /// - Returns: The one whose place it takes: of the chain before this one.
    package func add(_ worker: DeliveryWorker) -> DeliveryWorker? {
        workers.withLock { $0.updateValue(worker, forKey: worker.stage) }
    }

    /// Does nothing when another one of the name has taken its place.
    package func remove(_ worker: DeliveryWorker) {
        workers.withLock { workers in
            if workers[worker.stage] === worker { workers[worker.stage] = nil }
        }
    }

    /// By name.
    package var all: [DeliveryWorker] { workers.withLock { $0.values.sorted { $0.stage < $1.stage } } }
}

/// Where a webhook stage finds the registry.
package enum WebhookRegistryKey: ContextKey { package typealias Value = WebhookRegistry }

/// Where a webhook stage finds the store of deliveries.
package enum DeliveryStoreKey: ContextKey { package typealias Value = any DeliveryStore }
