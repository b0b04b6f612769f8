package import JSON
package import Logging
package import MiddlewareKit
package import NIOCore

/// All gateway connections of the server. They share an event loop and nothing else: what happens to one never disturbs
/// another.
///
/// Its executor is the event loop: what is not `async` can be called there with `assumeIsolated`, without a hop.
package actor GatewayManager {
    private nonisolated let eventLoop: any EventLoop
    /// Held here because the actor's own reference to it is unowned.
    private nonisolated let executor: any SerialExecutor
    private let identity: DeviceIdentity
    private let time: any TimeSource
    private let logger: Logger
    private let version: String
    /// In the order of the configuration.
    private var connections: [GatewayConnection] = []
    private var observer: (any GatewayObserver)?
    private let deviceTokens: (any DeviceTokenStore)?
    /// How gateways spelled their session keys when the server ran last.
    private var knownKeys: [String: SessionKeys] = [:]

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameter version: Of this server; shown in the gateway's own lists.
    package init(
        eventLoop: any EventLoop,
        identity: DeviceIdentity,
        time: any TimeSource,
        logger: Logger,
        version: String,
        deviceTokens: (any DeviceTokenStore)? = nil
    ) {
        self.eventLoop = eventLoop
        executor = eventLoop.executor
        self.identity = identity
        self.time = time
        self.logger = logger
        self.version = version
        self.deviceTokens = deviceTokens
    }

    /// Call it before `start`. The manager holds the observer until `stop`.
    package func setObserver(_ observer: any GatewayObserver) {
        self.observer = observer
        for connection in connections { connection.assumeIsolated { $0.setObserver(observer) } }
    }

    /// Call it before `start`: messages may wait for gateways that are away from the start.
    package func setKnownKeys(_ keys: [String: SessionKeys]) { knownKeys = keys }

    package func start(_ configurations: [GatewayConfiguration]) {
        for configuration in configurations { add(configuration) }
    }

    /// Adds a gateway and begins to connect. One with the same id goes on with this configuration.
    package func add(_ configuration: GatewayConfiguration) {
        if let known = find(configuration.id) { return known.assumeIsolated { $0.use(configuration) } }
        let connection = GatewayConnection(
            configuration: configuration,
            identity: identity,
            version: version,
            eventLoop: eventLoop,
            time: time,
            logger: logger,
            observer: observer,
            deviceTokens: deviceTokens,
            knownKeys: knownKeys[configuration.id]
        )
        connections.append(connection)
        connection.assumeIsolated { $0.start() }
    }

    /// Closes a gateway's connection and forgets the gateway, its device token too.
    package func remove(id: String) {
        guard let index = connections.firstIndex(where: { $0.id == id }) else { return }
        let connection = connections.remove(at: index)
        let configuration = connection.assumeIsolated { connection in
            _ = connection.stop()
            return connection.configuration
        }
        deviceTokens?.forget(configuration)
    }

    /// Closes all connections and returns when their sockets are gone.
    package func stop() async {
        let closing = connections.compactMap { $0.assumeIsolated { $0.stop() } }
        for future in closing {
            // A socket that ended with an error is gone as well.
            try? await future.get()
        }
        connections = []
        observer = nil
    }

    // MARK: State

    package var statuses: [(GatewayConfiguration, GatewayStatus)] {
        connections.map { connection in connection.assumeIsolated { ($0.configuration, $0.status) } }
    }

    package func configuration(of id: String) -> GatewayConfiguration? { find(id)?.assumeIsolated { $0.configuration } }

    /// Whether the gateway tells of the messages that others write, by its last hello.
    package func tellsOfMessages(_ id: String) -> Bool { find(id)?.assumeIsolated { $0.tellsOfMessages } ?? false }

    /// By the last hello; the protocol's defaults before the first one.
    package func attachmentLimits(of id: String) -> AttachmentLimits {
        find(id)?.assumeIsolated { $0.hello.map(AttachmentLimits.init) } ?? AttachmentLimits()
    }

    /// Messages that wait for their gateway to be connected, by its id.
    package var waitingChats: [(gateway: String, count: Int)] {
        connections.map { connection in (connection.id, connection.assumeIsolated { $0.chatQueue.count }) }
    }

    /// How many frames each gateway sent, by its id.
    package var framesReceived: [(gateway: String, count: Int)] {
        connections.map { connection in (connection.id, connection.assumeIsolated { $0.framesReceived }) }
    }

    package func status(of id: String) -> GatewayStatus? { find(id)?.assumeIsolated { $0.status } }

    /// Nil before the first hello, and for unknown gateways.
    package func metadata(of id: String) -> GatewayMetadata? { find(id)?.assumeIsolated { $0.metadata } }

    /// The key as the gateway spells it in events; by the protocol's defaults before the first hello.
    package func canonicalKey(_ key: String, gateway id: String) -> String {
        find(id)?.assumeIsolated { $0.canonicalKey(key) } ?? SessionKeys().canonical(key)
    }

    /// A run that the gateway has told of, or that was sent to it.
    package func run(id: String, gateway: String) -> GatewayRun? {
        find(gateway)?.assumeIsolated { $0.runs.run(id: id) }
    }

    /// Events of this run are of no interest any more.
    package func ignore(runID: String, gateway: String) {
        find(gateway)?.assumeIsolated { $0.runs.markFinished(id: runID) }
    }

    private func find(_ id: String) -> GatewayConnection? { connections.first { $0.id == id } }

    private func connection(_ id: String) throws(GatewayError) -> GatewayConnection {
        guard let connection = find(id) else { throw .unknownGateway(id) }
        return connection
    }

    // MARK: Requests

    /// See `GatewayConnection.sendChat`.
    package func sendChat(gateway: String, _ chat: ChatRequest) async throws(GatewayError) -> ChatAcknowledgement {
        try await connection(gateway).sendChat(chat)
    }

    /// See `GatewayConnection.abort`.
    package func abort(
        gateway: String,
        sessionKey: String,
        runID: String?
    ) async throws(GatewayError) -> (aborted: Bool, runIDs: [String]) {
        try await connection(gateway).abort(sessionKey: sessionKey, runID: runID)
    }

    /// See `GatewayConnection.history`.
    package func history(
        gateway: String,
        sessionKey: String,
        limit: Int
    ) async throws(GatewayError) -> [HistoryMessage] {
        try await connection(gateway).history(sessionKey: sessionKey, limit: limit)
    }

    /// See `GatewayConnection.find`.
    package func find(_ run: SoughtRun, gateway: String) async throws(GatewayError) -> RunFinding {
        try await connection(gateway).find(run)
    }

    /// See `GatewayConnection.checkRoom`.
    package func checkRoom(gateway: String) throws(GatewayError) -> Bool {
        let connection = try connection(gateway)
        do {
            return try connection.assumeIsolated { try $0.checkRoom() }
        } catch {
            // The closure throws nothing else.
            throw error as? GatewayError ?? .unknownGateway(gateway)
        }
    }

    /// Makes the next attempt to connect at once when one is waited for; one that has too few rights asks for them again.
    package func connectNow(id: String) { find(id)?.assumeIsolated { $0.connectNow() } }

    /// See `GatewayConnection.knowledge`.
    package func knowledge(
        ofSession key: String, gateway: String
    ) async throws(GatewayError) -> SessionKnowledge {
        try await connection(gateway).knowledge(ofSession: key)
    }

    /// See `GatewayConnection.models`.
    package func models(gateway: String, view: String) async throws(GatewayError) -> [GatewayMetadata.Model] {
        try await connection(gateway).models(view: view)
    }

    /// See `GatewayConnection.sessions`.
    package func sessions(gateway: String, _ params: JSONObject) async throws(GatewayError) -> [JSONObject] {
        try await connection(gateway).sessions(params)
    }

    /// Any other method of the gateway. A canonical session key must already be in `params`.
    package func request(
        gateway: String,
        method: String,
        params: JSONValue
    ) async throws(GatewayError) -> JSONValue {
        try await connection(gateway).request(method, params: params)
    }
}
