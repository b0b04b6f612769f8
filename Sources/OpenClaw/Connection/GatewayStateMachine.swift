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
        /// Asks the gateway with a WebSocket ping whether it is there.
        case ping
        /// Lists that were read at the hello may have changed.
        case refresh
        /// The gateway issued a device token.
        case keepDeviceToken(DeviceToken)
        /// The gateway does not take this one any more.
        case discardDeviceToken(DeviceToken)
    }

    package enum Timer: Sendable, Hashable {
        /// The challenge, or the answer to connect, is late.
        case handshake
        /// Is anything coming in?
        case watchdog
        case reconnect
        /// The gateway gave too few rights: have they been granted meanwhile?
        case recheck
        case refresh
        case deadline(request: String)
        case resend(request: String)
    }

    package enum Answer: Sendable, Equatable {
        case success(JSONValue)
        case failure(GatewayError)
    }

    package struct Options: Sendable {
        package var gatewayID: String
        /// Nobody can listen in: loopback, or TLS with a pinned certificate.
        package var isTrustedEndpoint: Bool
        package var connect: ConnectRequest
        package var requestTimeout: Duration
        package var retryDelay: Duration = .seconds(1)
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
        /// Becomes `waiting`, or `opening` to ask for more rights.
        case connected
        /// Waits for the next attempt. Becomes `opening`.
        case waiting
    }

    /// OpenClaw protocol: the gateway's own handshake budget.
    static let handshakeTimeout = Duration.seconds(15)
    private static let refreshInterval = Duration.seconds(600)

    let options: Options
    package internal(set) var status: GatewayStatus
    /// What the gateway said last; stays while the connection is away.
    package internal(set) var hello: Hello?

    var phase = Phase.stopped
    var pending: [String: Pending] = [:]
    private var nextID = 0
    var connect: ConnectRequest
    var retries: Retries
    /// The uptime of the last hello.
    var connectedAt = Duration.zero
    /// How far our clock is ahead of the gateway's, in milliseconds.
    var clockLead: Int64?
    private var shutdownReason: String?
    /// Watchdog checks in a row at which nothing had come in; and whether a pong came since the last ping.
    var silentChecks = 0
    var hasPong = false

    package init(options: Options, now: Moment, random: @escaping @Sendable () -> Double) {
        self.options = options
        status = GatewayStatus(state: .stopped, since: now.wall)
        retries = Retries(first: options.retryDelay, random: random)
        connect = options.connect
    }

    // MARK: Input

    package mutating func start(now: Moment) -> [Action] {
        guard phase == .stopped else { return [] }
        return open(now: now)
    }

    /// Ends everything for good, unless it is started again. What was asked and not answered may have been carried out.
    package mutating func stop(now: Moment) -> [Action] {
        guard phase != .stopped else { return [] }
        let wasWaiting = phase == .waiting
        phase = .stopped
        return failPending(.connectionLost)
            + [.cancelTimer(.handshake), .cancelTimer(.watchdog), .cancelTimer(.reconnect), .cancelTimer(.recheck)]
            + [.cancelTimer(.refresh)]
            + (wasWaiting ? [] : [.closeSocket(code: 1000, reason: "")])
            + [publish(.stopped, now: now)]
    }

    /// Somebody does not want to wait for the next attempt.
    package mutating func connectNow(now: Moment) -> [Action] {
        switch phase {
        case .waiting: [.cancelTimer(.reconnect)] + open(now: now)
        case .connected where status.state == .limited: sayHelloAgain(now: now)
        default: []
        }
    }

    package mutating func socketOpened(now: Moment) -> [Action] {
        guard phase == .opening else { return [] }
        phase = .challenge
        return [.setTimer(.handshake, after: Self.handshakeTimeout), publish(.handshaking, now: now)]
    }

    /// The socket could not be opened.
    mutating func socketFailed(_ failure: ConnectFailure, now: Moment) -> [Action] {
        guard phase == .opening else { return [] }
        return fail(failure, isSocketOpen: false, now: now)
    }

    package mutating func socketClosed(code: UInt16?, reason: String, now: Moment) -> [Action] {
        switch phase {
        case .opening, .challenge, .hello:
            return fail(.closed(code: code, reason: reason), isSocketOpen: false, now: now)
        case .connected:
            let failure = ConnectFailure.lost(code: code, reason: reason, shutdown: shutdownReason)
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

    package mutating func fired(_ timer: Timer, now: Moment) -> [Action] {
        switch (timer, phase) {
        case (.handshake, .challenge):
            return fail(ConnectFailure(.noChallenge), isSocketOpen: true, now: now)
        case (.handshake, .hello):
            return fail(ConnectFailure(.noHello), isSocketOpen: true, now: now)
        case (.watchdog, .connected): return check(now: now)
        case (.reconnect, .waiting): return open(now: now)
        case (.refresh, .connected): return [.refresh, nextRefresh]
        case (.recheck, .connected) where status.state == .limited: return sayHelloAgain(now: now)
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

    /// Rights are given at a hello and at no other time.
    private mutating func sayHelloAgain(now: Moment) -> [Action] {
        failPending(.connectionLost)
            + [
                .cancelTimer(.watchdog), .cancelTimer(.recheck), .cancelTimer(.refresh),
                .closeSocket(code: 1000, reason: ""),
            ]
            + open(now: now)
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
            return fail(ConnectFailure(.noNonce), isSocketOpen: true, closeCode: 1008, now: now)
        }
        clockLead = challenge["ts"]?.int.map { now.wall.milliseconds - Int64($0) }
        do {
            let request = GatewayRequest(
                id: makeID(), method: "connect", params: try connect.params(nonce: nonce, now: now.wall))
            phase = .hello(request: request.id, since: now.uptime)
            return [.setTimer(.handshake, after: Self.handshakeTimeout), .send(request)]
        } catch {
            return fail(ConnectFailure(.cannotSign, detail: "\(error)"), isSocketOpen: true, now: now)
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
        connectedAt = now.uptime
        let isLimited = !hello.missingScopes(of: []).isEmpty
        retries.connected(isLimited: isLimited)
        (silentChecks, hasPong, shutdownReason) = (0, false, nil)
        // It was shown because the shared token had been refused.
        let isTokenWrong = connect.addsDeviceToken
        connect.addsDeviceToken = false
        status.attempts = 0
        status.protocolVersion = hello.protocolVersion
        status.serverVersion = hello.serverVersion
        status.latency = now.uptime - since
        return [.cancelTimer(.handshake), .setTimer(.watchdog, after: watchdogInterval)]
            + [nextRefresh] + adopt(hello.deviceToken) + (isLimited ? [recheck(now: now)] : [])
            + [publishPermissions(hello, isTokenWrong: isTokenWrong, now: now), .connected(hello)]
    }

    /// Spread, so that many gateways are not asked at once.
    private var nextRefresh: Action { .setTimer(.refresh, after: retries.spread(Self.refreshInterval)) }

    /// An administrator may grant what is missing at any time.
    private mutating func recheck(now: Moment) -> Action {
        let delay = retries.slow(atLeast: .zero)
        status.retryAt = now.wall.advanced(by: delay)
        return .setTimer(.recheck, after: delay)
    }

    /// What is kept may have become another one meanwhile: through a second process that connected to the gateway.
    mutating func useKept(_ token: DeviceToken) { connect.deviceToken = token }

    /// The token may be a new one at every hello.
    private mutating func adopt(_ token: DeviceToken?) -> [Action] {
        guard let token, token != connect.deviceToken else { return [] }
        connect.deviceToken = token
        return [.keepDeviceToken(token)]
    }

    /// Only with the scopes that chatting needs the connection is `ready`.
    ///
    /// - Parameter isTokenWrong: The gateway refused the shared token, and took the device token.
    private mutating func publishPermissions(_ hello: Hello, isTokenWrong: Bool, now: Moment) -> Action {
        let missing = hello.missingScopes(of: connect.scopes)
        guard !missing.isEmpty else {
            return isTokenWrong
                ? publish(.ready, ConnectFailure(.onlyDeviceToken), now: now) : publish(.ready, now: now)
        }
        let words = missing.joined(separator: " and ")
        let isLimited = !hello.missingScopes(of: []).isEmpty
        let isAskedFor = missing.allSatisfy(connect.scopes.contains)
        return publish(
            isLimited ? .limited : .ready,
            reason: isLimited ? "connected without permission to chat: \(words) is missing" : "\(words) is missing",
            remedy: isAskedFor
                ? "On the gateway, approve this device with that scope: openclaw devices list. It is asked again by itself."
                : "Add \(words) to `scopes` of this gateway; the gateway must approve that.",
            now: now)
    }

    // MARK: Helpers

    mutating func makeID() -> String {
        nextID += 1
        return "r\(nextID)"
    }

    mutating func publish(_ state: GatewayStatus.State, _ failure: ConnectFailure, now: Moment) -> Action {
        publish(state, reason: failure.reason, remedy: failure.remedy, code: failure.code, now: now)
    }

    private mutating func publish(
        _ state: GatewayStatus.State,
        reason: String? = nil,
        remedy: String? = nil,
        code: String? = nil,
        now: Moment
    ) -> Action {
        if status.state != state { status.since = now.wall }
        status.state = state
        status.reason = reason
        status.remedy = remedy
        status.code = code
        switch state {
        case .backingOff, .pairing, .refused, .limited: break
        default: status.retryAt = nil
        }
        return .publish(status)
    }
}
