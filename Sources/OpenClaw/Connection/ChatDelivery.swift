/// What becomes of chat messages while their gateway is away.
package enum AwayPolicy: Sendable, Hashable {
    /// They wait: at most so many, and none longer than this.
    case queue(maxMessages: Int, maxAge: Duration)
    /// They are refused at once.
    case reject

    package static let standard = AwayPolicy.queue(maxMessages: 100, maxAge: .seconds(300))

    /// How many messages may wait, also for others of their session where none may wait for the gateway.
    var room: Int { if case .queue(let most, _) = self { most } else { 100 } }
}

/// Decides how one chat message goes on until its gateway has taken it. The same idempotency key is used each time, so
/// that a message which did arrive is not answered twice (OpenClaw protocol: retry rules).
struct ChatDelivery: Sendable {
    enum Step: Sendable, Equatable {
        /// Wait for the connection, at most this long.
        case wait(Duration)
        /// The gateway asked for some patience.
        case pause(Duration)
        /// Others of the session come first: wait for them, at most this long.
        case waitForTurn(Duration)
        /// The gateway no longer knows keys that are so old, or was restarted: look into the history first.
        case lookUp
        case send
        case giveUp(GatewayError)
    }

    /// For how long a message may be sent again without a look into the history. A gateway remembers idempotency keys for five
    /// minutes, and the last of them belongs to the request, which may be under way for long.
    static let keyMemory = Duration.seconds(240)
    /// After the first send whose fate is unknown, a message is tried again for this long even where waiting is not wanted:
    /// nobody may lose or double it.
    static let doubtLimit = Duration.seconds(300)

    /// Before a message is sent again that was not answered in time: where little time is given, the gateway gets no flood.
    static let resendPause = Duration.seconds(1)

    let gateway: String
    let policy: AwayPolicy
    let acceptedAt: Duration
    private var lastSentAt: Duration?
    /// The first attempt that may have arrived.
    private var doubtfulSince: Duration?
    private var hasLookedUp = false
    private var pausesUntil: Duration?

    /// - Parameter sentBefore: How long ago an earlier attempt set out whose fate is not known; nil: there is none.
    init(gateway: String, policy: AwayPolicy, now: Duration, sentBefore: Duration? = nil) {
        self.gateway = gateway
        self.policy = policy
        acceptedAt = now
        doubtfulSince = sentBefore.map { now - $0 }
    }

    /// Whether the message may have arrived.
    var isInDoubt: Bool { doubtfulSince != nil }

    /// Nothing that was sent here can have arrived: where there is no room it may be turned away.
    private(set) var isUnsent = true

    private var deadline: Duration {
        if let doubtfulSince { return max(doubtfulSince, acceptedAt) + Self.doubtLimit }
        guard case .queue(_, let maxAge) = policy else { return acceptedAt }
        return acceptedAt + maxAge
    }

    /// - Parameters:
    ///   - gatewayStart: When the gateway was started at the latest, by our clock; nil when it is not connected.
    ///   - awayReason: Why it is not connected.
    ///   - isFirst: Nothing of the session must go out before it.
    func next(now: Duration, gatewayStart: Duration?, awayReason: String, isFirst: Bool = true) -> Step {
        guard let gatewayStart else {
            if now < deadline { return .wait(deadline - now) }
            if isInDoubt { return .giveUp(.connectionLost) }
            guard case .queue(_, let maxAge) = policy else {
                return .giveUp(.notConnected(gateway: gateway, reason: awayReason))
            }
            return .giveUp(.expired(gateway: gateway, after: maxAge))
        }
        if !isFirst { return turn(now: now) }
        if let pausesUntil, now < pausesUntil { return .pause(pausesUntil - now) }
        guard let doubtfulSince, !hasLookedUp else { return .send }
        return now - doubtfulSince > Self.keyMemory || gatewayStart >= doubtfulSince ? .lookUp : .send
    }

    /// Those in front may be looked for, or pause; that ends, but it may take long.
    private func turn(now: Duration) -> Step {
        if isInDoubt { return now < deadline ? .waitForTurn(deadline - now) : .giveUp(.connectionLost) }
        let longest = if case .queue(_, let maxAge) = policy { maxAge } else { Self.doubtLimit }
        let end = acceptedAt + longest
        return now < end ? .waitForTurn(end - now) : .giveUp(.expired(gateway: gateway, after: longest))
    }

    mutating func willSend(now: Duration) {
        lastSentAt = now
        hasLookedUp = false
    }

    /// The gateway's history was read, and the message is not in it.
    mutating func wasNotFound() { hasLookedUp = true }

    /// Whether a failed attempt, or a history that could not be read, is followed by another attempt.
    mutating func goesOn(after error: GatewayError, now: Duration) -> Bool {
        switch error {
        // The socket was gone before the message was written: nothing is in doubt by this attempt.
        case .notConnected: return true
        case .connectionLost, .timedOut:
            doubtfulSince = doubtfulSince ?? lastSentAt
            if lastSentAt != nil { isUnsent = false }
            if case .timedOut = error { pausesUntil = now + Self.resendPause }
            return now < deadline
        case .unavailable(_, let delay):
            guard case .queue = policy, now < deadline else { return false }
            pausesUntil = now + delay
            return true
        default: return false
        }
    }
}
