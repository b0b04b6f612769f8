package import JSON
package import Logging
package import MiddlewareKit
package import NIOCore
import WebSocketTransport

/// The shell around `GatewayStateMachine`: carries out its actions with a socket and timers.
///
/// Its executor is the event loop: what comes from the channel enters without a hop, and everything that
/// is not `async` can be called there with `assumeIsolated`. The observer is called synchronously.
package actor GatewayConnection {
    typealias Completion = (GatewayStateMachine.Answer) -> Void

    /// The gateway's own limit is 25 MiB unless its policy says more.
    private static let receiveLimit = 27 << 20
    /// Bytes that may wait for a slow gateway.
    private static let sendQueueLimit = 64 << 20

    package nonisolated let id: String
    package private(set) var configuration: GatewayConfiguration
    nonisolated let eventLoop: any EventLoop
    /// Held here because the actor's own reference to it is unowned.
    private nonisolated let executor: any SerialExecutor
    private nonisolated let logger: Logger
    let time: any TimeSource

    private(set) var machine: GatewayStateMachine
    var runs: RunTable
    package private(set) var metadata: GatewayMetadata?
    var chatQueue = ChatQueue()
    /// Runs that are to be stopped, and may be under way at the gateway, which is not told yet.
    var untoldStops: [StoppedRun] = []
    /// What was sent lately, for those who look into the gateway's history.
    var sent = SentMessages()
    /// The gateway was not found to refuse it.
    var takesMaxChars = true
    var knownSessions = KnownSessions()
    private let wereKeysKnown: Bool
    private let identity: DeviceIdentity
    private let version: String
    private(set) var isStopped = false
    /// When the last hello came.
    private(set) var connectedAt: Duration = .zero
    /// The highest number of an event on this socket.
    private var lastSequence: Int64?
    private(set) weak var observer: (any GatewayObserver)?
    private let deviceTokens: (any DeviceTokenStore)?
    private var socket: WebSocket?
    /// Tells the sockets of earlier attempts from the current one.
    private var attempt = 0
    private var timers: [GatewayStateMachine.Timer: Scheduled<Void>] = [:]
    private var completions: [String: Completion] = [:]
    /// Text frames that came, on all sockets so far.
    package private(set) var framesReceived = 0
    /// Frames that could not be understood.
    package private(set) var garbageCount = 0

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    package init(
        configuration: GatewayConfiguration,
        identity: DeviceIdentity,
        version: String,
        eventLoop: any EventLoop,
        time: any TimeSource,
        logger: Logger,
        observer: (any GatewayObserver)?,
        deviceTokens: (any DeviceTokenStore)? = nil,
        knownKeys: SessionKeys? = nil
    ) {
        id = configuration.id
        self.configuration = configuration
        self.identity = identity
        self.version = version
        self.deviceTokens = deviceTokens
        self.eventLoop = eventLoop
        executor = eventLoop.executor
        self.time = time
        self.observer = observer
        var logger = logger
        logger[metadataKey: "gateway.id"] = "\(configuration.id)"
        self.logger = logger
        runs = RunTable(gatewayID: configuration.id)
        if let knownKeys { runs.keys = knownKeys }
        wereKeysKnown = knownKeys != nil
        machine = GatewayStateMachine(configuration, identity, version, deviceTokens, time)
    }

    package var status: GatewayStatus { machine.status }

    /// What the gateway said last; stays while the connection is away.
    var hello: Hello? { machine.hello }

    /// Whether keys can be made canonical as this gateway does it, and not by the protocol's defaults.
    var knowsKeys: Bool { wereKeysKnown || metadata != nil }

    /// Whether the gateway tells of the messages that others write.
    package var tellsOfMessages: Bool { hello?.methods.contains("sessions.subscribe") ?? false }

    package func start() {
        isStopped = false
        perform(machine.start(now: Moment(time)))
    }

    /// Goes on with another configuration of the same gateway, over a new socket where that makes a difference. Messages that
    /// wait, and what is known of the runs under way, stay.
    package func use(_ new: GatewayConfiguration) {
        let old = configuration
        configuration = new
        guard old.connects(otherThan: new) else { return }
        perform(machine.stop(now: Moment(time)))
        takesMaxChars = true
        machine = GatewayStateMachine(new, identity, version, deviceTokens, time)
        perform(machine.start(now: Moment(time)))
    }

    /// - Returns: Done when the socket is gone; nil when there is none.
    package func stop() -> EventLoopFuture<Void>? {
        let closed = socket?.closeFuture
        isStopped = true
        perform(machine.stop(now: Moment(time)))
        chatQueue.release()
        for timer in timers.values { timer.cancel() }
        timers = [:]
        return closed
    }

    /// Makes the next attempt at once when one is waited for; with too few rights, asks for them again.
    package func connectNow() { perform(machine.connectNow(now: Moment(time))) }

    func setObserver(_ observer: (any GatewayObserver)?) { self.observer = observer }

    // MARK: Requests

    /// Sends any request. `completion` is called exactly once, on the event loop, possibly before this returns.
    func submit(_ method: String, _ params: JSONValue, completion: @escaping Completion) {
        do throws(GatewayError) {
            let (id, actions) = try machine.submit(method: method, params: params)
            completions[id] = completion
            perform(actions)
        } catch {
            completion(.failure(error))
        }
    }

    /// Sends any request and waits for its answer.
    package func request(_ method: String, params: JSONValue) async throws(GatewayError) -> JSONValue {
        let answer = await withCheckedContinuation { continuation in
            submit(method, params) { continuation.resume(returning: $0) }
        }
        switch answer {
        case .success(let payload): return payload
        case .failure(let error): throw error
        }
    }

    // MARK: Actions

    private func perform(_ actions: [GatewayStateMachine.Action]) {
        for action in actions { perform(action) }
    }

    private func perform(_ action: GatewayStateMachine.Action) {
        switch action {
        case .openSocket: openSocket()
        case .closeSocket(let code, let reason): closeSocket(code: code, reason: reason)
        case .send(let request): send(request)
        case .setTimer(let timer, let delay): set(timer, after: delay)
        case .cancelTimer(let timer): timers.removeValue(forKey: timer)?.cancel()
        case .scheduleReconnect(let delay): set(.reconnect, after: delay)
        case .publish(let status): publish(status)
        case .connected(let hello):
            connectedAt = time.uptime
            tellStops()
            readMetadata(hello)
            chatQueue.release()
        case .complete(let id, let answer): completions.removeValue(forKey: id)?(answer)
        case .failPending(let ids, let error):
            for id in ids { completions.removeValue(forKey: id)?(.failure(error)) }
        case .event(let name, let payload): receive(event: name, payload)
        case .ping: socket?.ping()
        case .refresh: readLists(isWhole: false)
        case .keepDeviceToken(let token): deviceTokens?.keep(token, of: configuration)
        case .discardDeviceToken(let token): deviceTokens?.discard(token, of: configuration)
        }
    }

    private func openSocket() {
        attempt += 1
        if let token = deviceTokens?.deviceToken(of: configuration) { machine.useKept(token) }
        let link = SocketLink(connection: self, attempt: attempt)
        var options = WebSocketOptions()
        options.maxMessageBytes = max(Self.receiveLimit, min(machine.hello?.maxPayload ?? 0, 128 << 20) + 1 << 20)
        options.maxQueuedBytes = Self.sendQueueLimit
        // simdjson checks every frame, and one bad frame is no reason to lose the connection.
        options.validatesUTF8 = false
        // The state machine watches over the gateway's ticks, and pings by itself.
        options.pingInterval = nil
        let (url, tls) = (configuration.url, configuration.tls)
        WebSocketClient.connect(url: url, options: options, tls: tls, on: eventLoop, delegate: link)
            .whenFailure { [attempt] error in
                let failure = (error as? WebSocketConnectError).map {
                    ConnectFailure($0, hasCAFile: tls.caFile != nil)
                }
                self.assumeIsolated {
                    $0.socketFailed(
                        failure ?? ConnectFailure(.unreachable, detail: PlainWords.describe(error)), attempt: attempt)
                }
            }
    }

    private func closeSocket(code: UInt16, reason: String) {
        attempt += 1
        socket?.close(code: code, reason: reason)
        socket = nil
    }

    private func send(_ request: GatewayRequest) {
        guard let socket else { return }
        var frame = ByteBuffer()
        frame.writeJSON(request.frame)
        let limit = machine.hello?.maxPayload ?? Int.max
        if frame.readableBytes > limit {
            perform(machine.reject(request.id, .frameTooLarge(bytes: frame.readableBytes, limit: limit)))
        } else if socket.queuedBytes + frame.readableBytes > Self.sendQueueLimit {
            perform(machine.reject(request.id, .tooManyPending))
        } else {
            socket.send(text: frame)
            socket.flush()
        }
    }

    private func set(_ timer: GatewayStateMachine.Timer, after delay: Duration) {
        timers[timer]?.cancel()
        timers[timer] = eventLoop.scheduleTask(in: .milliseconds(delay.milliseconds)) { [weak self] in
            self?.assumeIsolated { $0.fired(timer) }
        }
    }

    func fired(_ timer: GatewayStateMachine.Timer) {
        timers[timer] = nil
        perform(machine.fired(timer, now: Moment(time)))
    }

    private func publish(_ status: GatewayStatus) {
        logger.info(
            "gateway is \(status.state.rawValue)",
            metadata: status.reason.map { ["reason": "\($0)"] }
        )
        observer?.gateway(id, didChange: status)
        // Whether they may wait for the gateway as well is another question.
        if !status.isConnected { chatQueue.release(.turn) }
    }

    func publish(_ metadata: GatewayMetadata) {
        guard metadata != self.metadata else { return }
        self.metadata = metadata
        observer?.gateway(id, didUpdate: metadata)
    }

    // MARK: Socket

    func socketOpened(_ socket: WebSocket, attempt: Int) {
        guard attempt == self.attempt else { return socket.close(code: 1000, reason: "") }
        self.socket = socket
        lastSequence = nil
        perform(machine.socketOpened(now: Moment(time)))
    }

    private func socketFailed(_ failure: ConnectFailure, attempt: Int) {
        guard attempt == self.attempt else { return }
        perform(machine.socketFailed(failure, now: Moment(time)))
    }

    func socketClosed(_ closure: WebSocketClosure, attempt: Int) {
        guard attempt == self.attempt else { return }
        socket = nil
        let reason = closure.error.map(PlainWords.describe) ?? closure.reason
        perform(machine.socketClosed(code: closure.code, reason: reason, now: Moment(time)))
    }

    func received(_ message: WebSocketMessage, attempt: Int) {
        guard attempt == self.attempt else { return }
        guard case .text(let frame) = message else { return noteGarbage("a binary frame") }
        framesReceived += 1
        FrameReader.read(frame) { frame in
            switch frame {
            case .delta(let delta):
                machine.noteActivity()
                note(sequence: delta.sequence)
                if machine.phase == .connected { receive(delta) }
            case .document(let document):
                note(sequence: document["seq"]?.int.map(Int64.init))
                perform(machine.received(document, now: Moment(time)))
            case .ignored(let sequence):
                machine.noteActivity()
                note(sequence: sequence)
            case .garbage(let reason): noteGarbage(reason)
            }
        }
    }

    /// From protocol 4 on the numbers of a socket have no gaps, unless frames were lost.
    private func note(sequence: Int64?) {
        guard let sequence else { return }
        defer { lastSequence = max(sequence, lastSequence ?? sequence) }
        guard let lastSequence, sequence > lastSequence + 1, hello?.protocolVersion ?? 0 >= 4 else { return }
        logger.warning(
            "frames of the gateway were lost", metadata: ["count": "\(sequence - lastSequence - 1)"])
        observer?.gateway(id, didReceive: .eventsLost)
        // A decision may be among them.
        if let hello { readApprovals(hello) }
    }

    func receivedPong(attempt: Int) {
        if attempt == self.attempt { machine.receivedPong() }
    }

    func burstEnded(attempt: Int) {
        if attempt == self.attempt { observer?.gatewayDidReadBurst(id) }
    }

    /// Counts a frame that cannot be understood; logs the 1st, 2nd, 4th, 8th and so on.
    func noteGarbage(_ reason: String) {
        garbageCount += 1
        guard garbageCount.nonzeroBitCount == 1 else { return }
        logger.warning(
            "a frame of the gateway was ignored",
            metadata: ["reason": "\(reason)", "count": "\(garbageCount)"]
        )
    }
}

extension GatewayStateMachine {
    fileprivate init(
        _ configuration: GatewayConfiguration, _ identity: DeviceIdentity, _ version: String,
        _ deviceTokens: (any DeviceTokenStore)?, _ time: any TimeSource
    ) {
        self.init(
            options: .init(
                configuration: configuration, identity: identity, version: version,
                deviceToken: deviceTokens?.deviceToken(of: configuration)),
            now: Moment(time),
            random: { Double.random(in: 0..<1) }
        )
    }
}

/// Connects one socket with its connection, so that what comes late from an old socket is told from the current one.
private final class SocketLink: WebSocketDelegate {
    let connection: GatewayConnection
    let attempt: Int

    init(connection: GatewayConnection, attempt: Int) {
        self.connection = connection
        self.attempt = attempt
    }

    func webSocketDidOpen(_ socket: WebSocket) {
        connection.assumeIsolated { [attempt] in $0.socketOpened(socket, attempt: attempt) }
    }

    func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) {
        connection.assumeIsolated { [attempt] in $0.received(message, attempt: attempt) }
    }

    func webSocketDidReadBurst(_ socket: WebSocket) {
        connection.assumeIsolated { [attempt] in $0.burstEnded(attempt: attempt) }
    }

    func webSocketDidBecomeWritable(_ socket: WebSocket) {}

    func webSocketDidReceivePong(_ socket: WebSocket) {
        connection.assumeIsolated { [attempt] in $0.receivedPong(attempt: attempt) }
    }

    func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {
        connection.assumeIsolated { [attempt] in $0.socketClosed(closure, attempt: attempt) }
    }
}
