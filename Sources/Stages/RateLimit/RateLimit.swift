import MiddlewareKit
import Synchronization

/// Turns messages away when there are too many.
final class RateLimit: Middleware {
    private let limits: [Limit]
    /// The buckets of each limit, in the order of `limits`.
    private let tables: Mutex<[BucketTable<String>]>
    private let time: any TimeSource
    let handles: StagePaths

    init(_ options: RateLimitOptions, time: any TimeSource) {
        limits = options.limits.map(Limit.init)
        tables = Mutex(limits.map { _ in BucketTable(capacity: options.maxKeys) })
        handles = StagePaths(inbound: Set(options.kinds.compactMap(\.kind)))
        self.time = time
    }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        let now = time.uptime
        let keys = limits.map { $0.key(of: message, context) }
        // All are asked before any is charged: a message that one limit refuses costs nothing with the others.
        let refusal: Rejection? = tables.withLock { tables in
            for (index, limit) in limits.enumerated() {
                let wait = tables[index][keys[index]].wait(at: now, limit.rate)
                guard wait == .zero else { return limit.rejection(wait: wait) }
            }
            for (index, limit) in limits.enumerated() {
                var bucket = tables[index][keys[index]]
                bucket.take(at: now, limit.rate)
                tables[index].set(bucket, for: keys[index])
            }
            return nil
        }
        if let refusal { throw refusal }
        try await next(message, context)
    }
}

/// One limit: what messages are counted by, and how many may come.
private struct Limit: Sendable {
    private let rule: RateLimitRule
    let rate: TokenBucket.Rate

    init(_ rule: RateLimitRule) {
        self.rule = rule
        rate = TokenBucket.Rate(interval: rule.per / rule.requests, capacity: rule.burst ?? rule.requests)
    }

    func key(of message: InboundMessage, _ context: MessageContext) -> String {
        let parts = rule.key.map { part in
            switch part {
            case .user: context.principal?.user ?? ""
            case .ip: context.connection?.remoteAddress ?? ""
            case .connection: context.connection?.id ?? ""
            case .session: "\(message.gateway)\u{1}\(message.sessionKey ?? "")"
            case .gateway: message.gateway
            }
        }
        return parts.count == 1 ? parts[0] : parts.joined(separator: "\u{0}")
    }

    func rejection(wait: Duration) -> Rejection {
        let milliseconds = Int(wait / .milliseconds(1)) + 1
        let each = rule.key.map(\.rawValue).joined(separator: " and ")
        let allowance = "\(rule.requests) in \(rule.per.optionText) for each \(each)"
        return Rejection(
            code: "rate_limited",
            message: "Too many messages: \(allowance). Try again in \((milliseconds + 999) / 1000) s.",
            retryAfterMs: milliseconds)
    }
}
