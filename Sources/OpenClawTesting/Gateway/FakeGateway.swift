import Foundation
import JSON
import Logging
import NIOCore
import NIOPosix
import WebSocketTransport

/// An OpenClaw gateway on a real socket of this machine, for tests and for trying things out.
///
/// It implements the gateway's side of the protocol on its own, and as strictly as the real one: closed parameter
/// objects, device signatures, scopes, canonical session keys. On top of that it can misbehave (``Fault``), and a test
/// can look at what it received and drive its runs by hand.
///
/// ```swift
/// var options = FakeGateway.Options()
/// options.reply = ManualReply()
/// let gateway = FakeGateway(options: options)
/// try await gateway.start()
/// // ... connect a client to `await gateway.url` and send a chat message ...
/// let run = try await gateway.nextRun()
/// await run.delta("Hello")
/// await run.final()
/// await gateway.stop()
/// ```
///
/// It runs on one event loop: what it does for one call or frame is done before it looks at the next one.
public actor FakeGateway {
    public nonisolated let options: Options
    let eventLoop: any EventLoop
    public nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

    /// The faults in force. May be changed at any time.
    public internal(set) var faults: [Fault]

    let keys: SessionKeys
    var connections: [Int: Connection] = [:]
    var lastConnectionID = 0
    /// Of all broadcasts together; protocol 3 counts that way.
    var broadcastSeq = 0
    var deviceTokens: [String: String] = [:]
    var pairing = Pairing()
    /// The shared secrets in force.
    var token: String?
    var password: String?
    var transcripts: Transcripts
    /// Commands that wait for a decision.
    var approvals: [JSONValue] = []
    let decisions = Mailbox<(id: String, decision: String)>(capacity: 100)
    var runs: [String: ActiveRun] = [:]
    var finishedRuns = FinishedRuns()
    var scripts: [String: Task<Void, Never>] = [:]
    /// Requests whose answers are lost with the connection.
    var lostAnswers: Set<String> = []
    let receivedRequests = Mailbox<RecordedRequest>(capacity: 1000)
    let startedRuns = Mailbox<FakeRun>(capacity: 1000)
    /// The newest requests, oldest first.
    public internal(set) var requests: [RecordedRequest] = []

    /// By its own clock; clients are told for how long it has been running.
    var startedAt: Int64 = 0
    private var listener: (any Channel)?
    private var ticks: RepeatedTask?

    public init(options: Options = Options()) {
        self.options = options
        eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        faults = options.faults
        token = options.token
        password = options.password
        let agentIDs = options.agents.map(\.id)
        keys = SessionKeys(
            defaultAgentID: agentIDs.first ?? "main",
            mainKey: options.mainKey,
            agentIDs: agentIDs,
            isGlobalScope: options.hasGlobalScope
        )
        transcripts = Transcripts(provider: options.models.first?.provider, model: options.models.first?.id)
    }

    /// The port that the gateway listens on; 0 when it does not.
    public var port: Int { listener?.localAddress?.port ?? 0 }

    /// The address for clients, such as `ws://127.0.0.1:18789`.
    public var url: String {
        guard let address = listener?.localAddress?.ipAddress else { return "" }
        let scheme = options.tls == nil ? "ws" : "wss"
        return address.contains(":") ? "\(scheme)://[\(address)]:\(port)" : "\(scheme)://\(address):\(port)"
    }

    /// Listens. A gateway that was stopped can be started again, on the same port too: transcripts are still there,
    /// runs and the memory of finished ones are gone.
    ///
    /// - Parameter port: 0 takes any free port.
    public func start(host: String = "127.0.0.1", port: Int = 0) async throws {
        precondition(listener == nil, "the gateway is running")
        startedAt = options.now()
        var socketOptions = WebSocketOptions()
        socketOptions.maxMessageBytes = options.maxPayload
        socketOptions.maxQueuedBytes = options.maxBufferedBytes
        socketOptions.slowConsumerCode = 1008
        socketOptions.pingInterval = nil
        socketOptions.closeTimeout = .seconds(1)
        listener = try await GatewayListener.bind(
            host: host, port: port, on: eventLoop, options: socketOptions, tls: options.tls
        ) { channel in
            self.assumeIsolated { $0.makePeer(channel) }
        }
        .get()
        let interval = TimeAmount(options.tickInterval)
        ticks = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] _ in
            self?.assumeIsolated { gateway in
                if !gateway.faults.contains(.noTicks) { gateway.tick() }
            }
        }
        options.logger.debug("fake gateway started", metadata: ["gateway.url": "\(url)"])
    }

    /// Tells all clients, closes their connections with 1012 and stops listening. Runs end without a terminal event.
    ///
    /// - Parameter restartExpectedMs: Sent to the clients; nil: the gateway stops for good.
    public func stop(restartExpectedMs: Int? = nil) async {
        guard let listener else { return }
        self.listener = nil
        ticks?.cancel()
        ticks = nil
        broadcast(
            "shutdown",
            ["reason": "gateway stopping", "restartExpectedMs": restartExpectedMs.map { .integer(Int64($0)) } ?? .null]
        )
        let sockets = connections.values.map(\.socket)
        for socket in sockets { socket.close(code: 1012, reason: "service restart") }
        let scripts = self.scripts.values
        for script in scripts { script.cancel() }
        runs = [:]
        finishedRuns = FinishedRuns()
        for script in scripts { await script.value }
        // Both can only fail because the channel is closed already.
        try? await listener.close().get()
        for socket in sockets { try? await socket.closeFuture.get() }
    }

    // MARK: The peers' calls, on the event loop

    func makePeer(_ channel: any Channel) -> GatewayPeer {
        lastConnectionID += 1
        return GatewayPeer(id: lastConnectionID, channel: channel, gateway: self)
    }

    func didOpen(_ socket: WebSocket, of peer: GatewayPeer) {
        let nonce = faults.contains(.blankNonce) ? "" : UUID().uuidString.lowercased()
        connections[peer.id] = Connection(socket: socket, channel: peer.channel, nonce: nonce)
        guard !faults.contains(.noChallenge) else { return }
        var payload: JSONObject = ["nonce": .string(nonce)]
        if !faults.contains(.looseDialect) { payload["ts"] = now }
        sendEvent("connect.challenge", .object(payload), to: peer.id, isCounted: false)
    }

    func didClose(_ id: Int) { connections[id] = nil }
}
