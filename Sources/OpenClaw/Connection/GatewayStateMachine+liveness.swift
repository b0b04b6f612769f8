/// Is the gateway still there? A dead one is found within twice the tick interval.
///
/// Every frame counts as life. The streaming path only sets a counter back; the timer that counts up is finer than the
/// tick, so that the end of the silence is known well enough. After one and a half intervals a WebSocket ping is a second
/// opinion: a gateway that answers pings but sends no tick gets up to four intervals.
extension GatewayStateMachine {
    private static let checksPerTick = 8
    /// Checks between two pings, and the time that the gateway has for its pong.
    private static let checksPerPing = 4
    static let tickTimeoutCode: UInt16 = 4000

    var watchdogInterval: Duration { (hello?.tickInterval ?? .seconds(30)) / Self.checksPerTick }

    /// Something came in: the connection lives.
    package mutating func noteActivity() { silentChecks = 0 }

    /// The gateway answered a ping.
    package mutating func receivedPong() { hasPong = true }

    mutating func check(now: Moment) -> [Action] {
        silentChecks += 1
        let next = Action.setTimer(.watchdog, after: watchdogInterval)
        let firstPing = Self.checksPerTick + Self.checksPerPing
        guard silentChecks >= firstPing, silentChecks.isMultiple(of: Self.checksPerPing) else { return [next] }
        let isDead = silentChecks > firstPing && !hasPong
        if isDead || silentChecks >= 4 * Self.checksPerTick {
            return fail(ConnectFailure(.silent), isSocketOpen: true, closeCode: Self.tickTimeoutCode, now: now)
        }
        hasPong = false
        return [.ping, next]
    }
}
