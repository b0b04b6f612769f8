package import JSON
import MiddlewareKit

/// Decides everything about one gateway connection and does nothing: events and the time come in, actions go out.
///
/// The order of the actions is the order in which to carry them out. Requests are in an extension of their own.
package struct GatewayStateMachine: Sendable {
    package enum Action: Sendable, Equatable {
        case openSocket
        /// The socket is of no use any more, whether it is open or still being opened: nothing of it is to be reported.
        case closeSocket(code: UInt16, reason: String)
        case send(GatewayRequest)
        case setTimer(Timer, after: Duration)
        case cancelTimer(Timer)
        /// Sets the timer `reconnect`.
        case scheduleReconnect(after: Duration)
        case publish(GatewayStatus)
        /// The gateway said hello: metadata can be read.
        case connected(Hello)
        case complete(id: String, answer: Answer)
        /// The answers to these requests will never come.
        case failPending([String], GatewayError)
        /// An event that does not concern the connection itself.
        case event(name: String, payload: JSONValue)
    }

    package enum Timer: Sendable, Hashable {
        /// The challenge, or the answer to connect, is late.
        case handshake
        /// Is anything coming in?
        case watchdog
        case reconnect
        case deadline(request: String)
        case resend(request: String)
    }

    package enum Answer: Sendable, Equatable {
        case success(JSONValue)
        case failure(GatewayError)
    }

    package struct Options: Sendable {
        package var gatewayID: String
        package var isLoopback: Bool
        package var connect: ConnectRequest
        package var requestTimeout: Duration
        /// Requests in flight; more are refused.
        package var pendingLimit = 1_000
    }

    enum Phase: Equatable {
        /// Becomes `opening` by `start`.
        case stopped
        /// Becomes `challenge` or `waiting`.
        case opening
        /// Waits for `connect.challenge`. Becomes `hello` or `waiting`.
        case challenge
        /// Waits for the answer to the connect request. Becomes `connected` or `waiting`.
        case hello(request: String, since: Duration)
        /// Becomes `waiting`.
        case connected
        /// Waits for the next attempt. Becomes `opening`.
        case waiting
    }

    /// OpenClaw protocol: the gateway's own handshake budget.
    static let handshakeTimeout = Duration.seconds(15)
    static let tickTimeoutCode: UInt16 = 4000

    let options: Options
    package internal(set) var status: GatewayStatus
    /// What the gateway said last; stays while the connection is away.
    package internal(set) var hello: Hello?

    var phase = Phase.stopped
    var pending: [String: Pending] = [:]
    private var nextID = 0
    private var backoff: Backoff
    private var connect: ConnectRequest
    /// Failures of this kind in a row: slow retries become slower.
    private var slowFailures = 0
    private var hasUsedSpecialRetry = false
    private var deviceToken: Secret?
    private var shutdownReason: String?
    /// Watchdog checks in a row at which nothing had come in.
    private var silentChecks = 0

    package init(options: Options, now: Moment, random: @escaping @Sendable () -> Double) {
        self.options = options
        status = GatewayStatus(state: .stopped, since: now.wall)
        backoff = Backoff(random: random)
        connect = options.connect
    }

    // MARK: Input

    package mutating func start(now: Moment) -> [Action] {
        guard phase == .stopped else { return [] }
        return open(now: now)
    }

    /// Ends everything for good, unless it is started again.
    package mutating func stop(now: Moment) -> [Action] {
        guard phase != .stopped else { return [] }
        let wasWaiting = phase == .waiting
        phase = .stopped
        return failPending(.notConnected(gateway: options.gatewayID, reason: "it was stopped"))
            + [.cancelTimer(.handshake), .cancelTimer(.watchdog), .cancelTimer(.reconnect)]
            + (wasWaiting ? [] : [.closeSocket(code: 1000, reason: "")])
            + [publish(.stopped, now: now)]
    }

    /// Somebody does not want to wait for the next attempt.
    package mutating func connectNow(now: Moment) -> [Action] {
        guard phase == .waiting else { return [] }
        return [.cancelTimer(.reconnect)] + open(now: now)
    }

    package mutating func socketOpened(now: Moment) -> [Action] {
        guard phase == .opening else { return [] }
        phase = .challenge
        return [.setTimer(.handshake, after: Self.handshakeTimeout), publish(.handshaking, now: now)]
    }

    /// The socket could not be opened.
    package mutating func socketFailed(_ reason: String, now: Moment) -> [Action] {
        guard phase == .opening else { return [] }
        return fail(.network(reason), isSocketOpen: false, now: now)
    }

    package mutating func socketClosed(code: UInt16?, reason: String, now: Moment) -> [Action] {
        switch phase {
        case .opening, .challenge, .hello:
            return fail(.closed(code: code, reason: reason), isSocketOpen: false, now: now)
        case .connected:
            let words =
                shutdownReason ?? (reason.isEmpty ? "the connection was lost" : "the gateway closed it: \(reason)")
            let failure = code == 1013 ? .closed(code: code, reason: reason) : ConnectFailure(.backoff, words)
            return fail(failure, isSocketOpen: false, now: now)
        case .stopped, .waiting:
            return []
        }
    }

    /// Any frame but those of the streaming path, which only need `noteActivity`.
    package mutating func received(_ frame: JSONValue, now: Moment) -> [Action] {
        noteActivity()
        switch frame["type"]?.string {
        case "res": return receivedAnswer(frame, now: now)
        case "event": return receivedEvent(frame, now: now)
        default: return []
        }
    }

    /// Something came in: the connection lives.
    package mutating func noteActivity() { silentChecks = 0 }

    package mutating func fired(_ timer: Timer, now: Moment) -> [Action] {
        switch (timer, phase) {
        case (.handshake, .challenge):
            return fail(.network("the gateway sent no challenge in time"), isSocketOpen: true, now: now)
        case (.handshake, .hello):
            return fail(.network("the gateway did not answer the handshake in time"), isSocketOpen: true, now: now)
        case (.watchdog, .connected): return check(now: now)
        case (.reconnect, .waiting): return open(now: now)
        case (.deadline(let id), _): return expire(id)
        case (.resend(let id), .connected): return pending[id].map { [.send($0.request)] } ?? []
        default: return []
        }
    }

    // MARK: Handshake

    private mutating func open(now: Moment) -> [Action] {
        phase = .opening
        return [publish(.connecting, now: now), .openSocket]
    }

    private mutating func receivedEvent(_ frame: JSONValue, now: Moment) -> [Action] {
        let payload = frame["payload"] ?? .null
        switch (frame["event"]?.string, phase) {
        case ("connect.challenge", .challenge): return answer(challenge: payload, now: now)
        case ("shutdown", .connected):
            let restarts = payload["restartExpectedMs"]?.int != nil
            shutdownReason = restarts ? "the gateway restarts" : "the gateway was stopped"
            return []
        case (let name?, .connected): return [.event(name: name, payload: payload)]
        default: return []
        }
    }

    private mutating func answer(challenge: JSONValue, now: Moment) -> [Action] {
        let nonce = challenge["nonce"]?.string?.trimmed ?? ""
        guard !nonce.isEmpty else {
            let failure = ConnectFailure.network("the gateway's challenge has no nonce")
            return fail(failure, isSocketOpen: true, closeCode: 1008, now: now)
        }
        do {
            let request = GatewayRequest(
                id: makeID(), method: "connect", params: try connect.params(nonce: nonce, now: now.wall))
            phase = .hello(request: request.id, since: now.uptime)
            return [.setTimer(.handshake, after: Self.handshakeTimeout), .send(request)]
        } catch {
            return fail(
                ConnectFailure(ConnectFailure.slow, "cannot sign the challenge: \(error)"), isSocketOpen: true, now: now
            )
        }
    }

    /// The answer to the connect request.
    mutating func receivedHello(_ frame: JSONValue, since: Duration, now: Moment) -> [Action] {
        guard frame["ok"]?.bool == true else {
            return fail(.classify(GatewayFault(json: frame["error"])), isSocketOpen: true, now: now)
        }
        let hello = Hello(payload: frame["payload"] ?? .null)
        guard (ConnectRequest.minProtocol...ConnectRequest.maxProtocol).contains(hello.protocolVersion) else {
            let details: JSONValue = ["expectedProtocol": .integer(Int64(hello.protocolVersion))]
            let fault = GatewayFault(code: "PROTOCOL_MISMATCH", message: "protocol mismatch", details: details)
            return fail(.classify(fault), isSocketOpen: true, now: now)
        }
        self.hello = hello
        phase = .connected
        backoff.reset()
        (slowFailures, silentChecks, hasUsedSpecialRetry, shutdownReason) = (0, 0, false, nil)
        deviceToken = hello.deviceToken ?? deviceToken
        connect.deviceToken = nil
        status.attempts = 0
        status.protocolVersion = hello.protocolVersion
        status.serverVersion = hello.serverVersion
        status.latency = now.uptime - since
        let missing = hello.missingScopes.joined(separator: " and ")
        let state =
            missing.isEmpty
            ? publish(.ready, now: now)
            : publish(
                .limited, reason: "connected without permissions: \(missing) is missing",
                remedy: "On the gateway, approve this device with that scope: openclaw devices list",
                now: now)
        return [.cancelTimer(.handshake), .setTimer(.watchdog, after: hello.tickInterval), state, .connected(hello)]
    }

    // MARK: Failure

    /// Ends this attempt or connection, and plans the next one.
    private mutating func fail(
        _ failure: ConnectFailure,
        isSocketOpen: Bool,
        closeCode: UInt16 = 1000,
        now: Moment
    ) -> [Action] {
        phase = .waiting
        let (delay, state) = plan(failure)
        status.lastError = failure.reason
        status.retryAt = now.wall.advanced(by: delay)
        return failPending(.connectionLost)
            + [.cancelTimer(.handshake), .cancelTimer(.watchdog)]
            + (isSocketOpen ? [.closeSocket(code: closeCode, reason: closeCode == 1000 ? "" : failure.reason)] : [])
            + [
                publish(state, reason: failure.reason, remedy: failure.remedy, now: now),
                .scheduleReconnect(after: delay),
            ]
    }

    private mutating func plan(_ failure: ConnectFailure) -> (Duration, GatewayStatus.State) {
        switch failure.retry {
        case .fast(let delay): return (delay, .backingOff)
        case .olderSignature where !hasUsedSpecialRetry && connect.signature == .v3:
            hasUsedSpecialRetry = true
            connect.signature = .v2
            return (.zero, .backingOff)
        case .deviceToken where !hasUsedSpecialRetry && options.isLoopback && deviceToken != nil:
            hasUsedSpecialRetry = true
            connect.deviceToken = deviceToken
            return (.milliseconds(250), .backingOff)
        case .backoffOnce where !hasUsedSpecialRetry:
            hasUsedSpecialRetry = true
            deviceToken = nil
            fallthrough
        case .backoff:
            status.attempts += 1
            return (backoff.next(), failure.isPairing ? .pairing : .backingOff)
        case .after(let delay):
            status.attempts += 1
            return (delay, .backingOff)
        case .slow(let least):
            return slow(least, isPairing: failure.isPairing)
        case .olderSignature, .deviceToken, .backoffOnce:
            connect.signature = .v3
            connect.deviceToken = nil
            return slow(.zero, isPairing: failure.isPairing)
        }
    }

    /// Every 60 s for ten minutes, then every 5 minutes: an admin can repair it at any time.
    private mutating func slow(_ least: Duration, isPairing: Bool) -> (Duration, GatewayStatus.State) {
        status.attempts += 1
        slowFailures += 1
        hasUsedSpecialRetry = false
        let delay = Duration.seconds(slowFailures <= 10 ? 60 : 300)
        return (backoff.spread(max(delay, least)), isPairing ? .pairing : .refused)
    }

    private mutating func check(now: Moment) -> [Action] {
        silentChecks += 1
        guard silentChecks > 2 else {
            return [.setTimer(.watchdog, after: hello?.tickInterval ?? .seconds(30))]
        }
        let failure = ConnectFailure(.backoff, "nothing came from the gateway for two tick intervals (tick timeout)")
        return fail(failure, isSocketOpen: true, closeCode: Self.tickTimeoutCode, now: now)
    }

    // MARK: Helpers

    mutating func makeID() -> String {
        nextID += 1
        return "r\(nextID)"
    }

    private mutating func publish(
        _ state: GatewayStatus.State,
        reason: String? = nil,
        remedy: String? = nil,
        now: Moment
    ) -> Action {
        if status.state != state { status.since = now.wall }
        status.state = state
        status.reason = reason
        status.remedy = remedy
        switch state {
        case .backingOff, .pairing, .refused: break
        default: status.retryAt = nil
        }
        return .publish(status)
    }
}
