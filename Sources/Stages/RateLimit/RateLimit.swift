import Crypto
import MiddlewareKit
import Synchronization

/// Turns messages away when there are too many.
final class RateLimit: Middleware {
    private let limits: [Limit]
    /// The buckets of each limit, in the order of `limits`.
    private let tables: Mutex<[BucketTable<SHA256Digest>]>
    private let time: any TimeSource
    let handles: StagePaths

    init(_ options: RateLimitOptions, time: any TimeSource) {
        limits = options.limits.map(Limit.init)
        tables = Mutex(limits.map { _ in BucketTable(capacity: options.maxKeys) })
        handles = options.paths
        self.time = time
    }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        if let rejection = admit(keys: limits.map { $0.key(of: message, context) }) { throw rejection }
        try await next(message, context)
    }

    /// Takes a token for each key, or none at all: a message that one limit refuses costs nothing with the others.
    /// - Returns: The refusal of the limit that makes the sender wait longest.
    private func admit(keys: [SHA256Digest]) -> Rejection? {
        let now = time.uptime
        return tables.withLock { tables in
            var buckets = limits.indices.map { tables[$0].bucket(for: keys[$0], at: now) }
            let waits = limits.indices.map { buckets[$0].wait(at: now, limits[$0].rate) }
            let slowest = waits.indices.max { waits[$0] < waits[$1] }
            if let slowest, waits[slowest] > .zero { return limits[slowest].rejection(wait: waits[slowest]) }
            for index in limits.indices {
                buckets[index].take(at: now, limits[index].rate)
                tables[index].set(buckets[index], for: keys[index], at: now)
            }
            return nil
        }
    }
}
