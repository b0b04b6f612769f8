import Logging
import MiddlewareKit

/// Counts what each user sends, and what the answers take, and refuses messages of users who have had their share.
struct Quota: Middleware {
    let options: QuotaOptions
    let stage: String
    let store: any StageStateStore
    let time: any TimeSource

    var handles: StagePaths { options.paths }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        let user = context.principal?.user ?? Principal.anonymous.user
        let period = options.per.period(at: time.now)
        do {
            if let tokens = options.tokens, try await store.value(of: counter("tokens", user, period)) >= tokens {
                throw rejection("\(tokens) tokens", period)
            }
            if let requests = options.requests {
                let counter = counter("requests", user, period)
                if try await store.add(1, to: counter, expires: period.end) > requests {
                    // It was not sent, so it does not count.
                    _ = try await store.add(-1, to: counter, expires: period.end)
                    throw rejection("\(requests) messages", period)
                }
            }
        } catch let failure as StorageFailure {
            throw Rejection(
                code: "storage_failed", message: "The message was not sent, because it could not be counted: \(failure)"
            )
        }
        try await next(message, context)
    }

    /// What an answer took counts for the period in which it ends. Runs that nobody here started count for nobody.
    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        if let tokens = event.usage?.total, tokens > 0, context.connection != nil || event.run.user != nil {
            let user = event.run.user ?? Principal.anonymous.user
            let period = options.per.period(at: time.now)
            do {
                _ = try await store.add(Int64(tokens), to: counter("tokens", user, period), expires: period.end)
            } catch {
                // The answer is there and was paid for: withholding it would help nobody.
                context.logger.error("the tokens of a run could not be counted: \(error)")
            }
        }
        try await next(event, context)
    }

    private func counter(_ what: String, _ user: String, _ period: Period) -> StageCounter {
        StageCounter(stage: stage, key: "\(what) \(period.name) \(user)")
    }

    private func rejection(_ share: String, _ period: Period) -> Rejection {
        let wait = period.end.milliseconds - time.now.milliseconds
        return Rejection(
            code: "quota_exceeded",
            message:
                "You have used up your \(share) for this \(options.per.rawValue). It begins anew at \(period.endText).",
            retryAfterMs: Int(wait))
    }
}
