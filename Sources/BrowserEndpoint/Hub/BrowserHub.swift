package import Logging
package import MiddlewareKit
package import NIOCore
package import OpenClaw
package import PipelineEngine
package import Storage
import WebSocketTransport

/// Where browsers and gateways meet: who watches which session, which runs are under way, and the way of every message
/// through the chain.
///
/// The hub lives on the one event loop that all sockets share, so that a delta goes from a gateway's socket through its
/// run's transforms to the browsers without a hop. Whole messages leave the loop for the stages, which may await.
package actor BrowserHub {
    package struct Limits: Sendable {
        package var maxConnections = 10_000
        package var maxMessageBytes = 1 << 20
        package var authTimeout: Duration = .seconds(10)
        /// Messages of one connection that may be in the chain at a time; above it, the socket is not read.
        package var maxInFlight = 32
        /// Sessions that one connection may watch.
        package var maxWatched = 256

        package init() {}
    }

    nonisolated let eventLoop: any EventLoop
    /// Held here because the actor's own reference to it is unowned.
    private nonisolated let executor: any SerialExecutor
    /// For tasks that mostly talk to the hub.
    nonisolated let taskExecutor: EventLoopTaskExecutor
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let gateways: GatewayManager
    let storage: Database
    let jobs: JobRunner
    let time: any TimeSource
    let logger: Logger
    let limits: Limits
    nonisolated let proxies: TrustedProxies
    /// Nil: nothing is traced.
    let traces: TraceOptions?
    private(set) var chains: ChainSet
    private(set) var isDraining = false
    /// Whether the configuration of a generation lets in those who have no key.
    var openness: (generation: Int, isOpen: Bool)?
    var traceWaiters: [TraceWaiter] = []
    /// Those that wait, and those whose message is on its way.
    var openTraces: [ObjectIdentifier: PassageTrace] = [:]
    /// Why the last reload of the configuration failed, for administrators.
    private(set) var configurationProblem: String?
    var metrics = HubMetrics()

    var connections: [String: BrowserConnection] = [:]
    var sessions: [SessionID: Session] = [:]
    var runs: [RunKey: LiveRun] = [:]
    /// Ends of runs that could not be stored.
    var unstored = UnstoredEnds()
    /// How far the frames of ended runs were numbered.
    var lastNumbers = LastNumbers()
    /// What was sent lately: the gateway tells of these messages again, as of those that others sent.
    var recentSends = RecentSends()
    /// Since when each gateway that is not connected is away.
    var awaySince: [String: Duration] = [:]
    /// Numbers the searches for lost ends of runs.
    var lastSearch = 0
    /// Gateways whose quiet runs are looked after.
    var gatewaysLookedAfter: Set<String> = []
    /// Sessions whose history was compared with the gateway's since the gateway was last connected.
    var comparedSessions: Set<SessionID> = []
    /// Sessions whose history is being compared.
    var comparing: [SessionID: HistoryComparison] = [:]
    /// Gateways that are on their way out, each with the number of its removal.
    var retirements: [String: Int] = [:]
    var lastRetirement = 0
    /// How each gateway spells its session keys, as the database has it.
    var rememberedKeys: [String: SessionKeys] = [:]
    /// Commands of agents that wait for somebody to allow them.
    var approvals: [ApprovalKey: PendingApproval] = [:]
    var claims: [SessionID: SessionClaim] = [:]
    /// Owners that were read from the database, or decided upon. An owner does not change while its session exists.
    private var knownOwners: [SessionID: SessionOwner] = [:]
    private static let maxKnownOwners = 10_000
    /// Connections that were written to since the last flush.
    private var unflushed: [BrowserConnection] = []

    struct RunKey: Hashable, Sendable {
        /// The one that answers.
        let gateway: String
        let runID: String
    }

    package init(
        eventLoop: any EventLoop,
        gateways: GatewayManager,
        storage: Database,
        chains: ChainSet,
        jobs: JobRunner,
        time: any TimeSource,
        limits: Limits,
        proxies: TrustedProxies = TrustedProxies(),
        traces: TraceOptions? = nil,
        logger: Logger
    ) {
        self.eventLoop = eventLoop
        executor = eventLoop.executor
        taskExecutor = EventLoopTaskExecutor(eventLoop)
        self.gateways = gateways
        self.storage = storage
        self.chains = chains
        self.jobs = jobs
        self.time = time
        self.limits = limits
        self.proxies = proxies
        self.traces = traces
        self.logger = logger
    }

    /// Messages and runs that begin from now on take the new chains; those under way end on the old ones.
    package func use(_ chains: ChainSet) { self.chains = chains }

    /// Tells administrators which configuration is in use, and what is wrong with the one that is not.
    package func showConfiguration(generation: Int, problem: String?) {
        configurationProblem = problem
        for connection in connections.values
        where connection.phase == .open && connection.principal?.isAdministrator == true {
            send(.configuration(generation: generation, problem: problem), to: connection)
        }
        flush()
    }

    /// The runs that the gateway answers end here, and its connection closes.
    func removeGateway(_ id: String) {
        gateways.assumeIsolated { $0.remove(id: id) }
        metrics.gatewayWasRemoved(id)
        awaySince[id] = nil
        for (key, run) in runs where key.gateway == id {
            let words = "The gateway was removed while it answered, or before it confirmed that it has the message."
            end(run, .error, RunOutcome(detail: words, errorKind: "gateway_lost", timestamp: time.now))
        }
        flush()
    }

    /// The chain for a message. Who sends it must be known if some chain is attached to users.
    ///
    /// - Throws: what the pipeline throws when it is asked who is there.
    func chain(for message: InboundMessage, _ context: MessageContext) async throws -> Chain {
        let chains = chains
        guard chains.hasChoice else { return chains.standard }
        var context = context
        if context.principal == nil {
            // An HTTP call: nobody has looked at its key yet.
            context.principal = try await chains.standard.introduce(context)
        }
        return chains.chain(for: MessageFacts(message, context))
    }

    /// The chain for a run that no message of a browser has started.
    func chain(of run: Run, _ context: MessageContext) -> Chain {
        chains.chain(for: MessageFacts(textOf: run, context))
    }

    /// Waits until no message and no run is under way or the time is over, then closes all browsers with 1001. What stages are
    /// still at work on is broken off; a run of which that is so is taken up again by the next start.
    package func drain(timeout: Duration) async {
        isDraining = true
        let deadline = time.uptime + timeout
        // Runs whose gateway is away, or of which nothing is heard, are looked for again after the next start.
        while isAtWork, time.uptime < deadline { try? await time.sleep(for: .milliseconds(50)) }
        if isAtWork { jobs.breakOff() }
        if !runs.isEmpty {
            logger.warning("shutting down while runs go on: \(runs.count); the next start looks for their ends")
        }
        if !unstored.isEmpty {
            logger.warning("answers could not be stored: \(unstored.count); the next start looks for them")
        }
        expireTraces()
        for connection in connections.values {
            connection.socket.close(code: 1001, reason: "the server is shutting down")
        }
        flush()
    }

    private var isAtWork: Bool {
        connections.values.contains { $0.inFlight > 0 }
            || runs.contains { !$1.isSought && status(of: $0.gateway)?.isConnected == true }
    }

    // MARK: Writing

    func send(_ frame: EncodedFrame, to connection: BrowserConnection) {
        guard connection.phase != .closed else { return }
        metrics.framesSent += 1
        connection.socket.send(frame: frame)
        guard !connection.needsFlush else { return }
        connection.needsFlush = true
        unflushed.append(connection)
    }

    func send(_ answer: AnswerFrame, to connection: BrowserConnection) {
        guard let frame = answer.encode(for: connection.dialect) else { return }
        send(frame, to: connection)
    }

    /// Everything written since the last flush goes out, one system call for each socket.
    func flush() {
        guard !unflushed.isEmpty else { return }
        let written = unflushed
        unflushed.removeAll(keepingCapacity: true)
        for connection in written {
            connection.needsFlush = false
            connection.socket.flush()
        }
    }

    // MARK: Sessions

    /// The session with its owner, read from the database when it is not in memory.
    func session(_ id: SessionID) async throws -> Session {
        if let session = sessions[id], session.owner != .unresolved { return session }
        let owner = try await owner(of: id)
        let session = sessions[id] ?? Session(id: id, owner: .unresolved)
        if session.owner == .unresolved {
            session.owner = owner
            dismissStrangers(from: session)
        }
        sessions[id] = session
        return session
    }

    func owner(of id: SessionID) async throws -> SessionOwner {
        if id.isRouteTarget { return .nobody }
        if let owner = knownOwners[id] { return owner }
        if let stored = try await storage.session(gateway: id.gateway, key: id.key) {
            return remember(stored.owner.map { .user($0) } ?? .nobody, of: id)
        }
        let former = try await storage.formerOwner(gateway: id.gateway, key: id.key)
        return former.map { remember(.user($0), of: id) } ?? .undecided
    }

    /// - Returns: The owner, which is another one when that was decided before.
    func remember(_ owner: SessionOwner, of id: SessionID) -> SessionOwner {
        if let known = knownOwners[id] { return known }
        if knownOwners.count >= Self.maxKnownOwners { knownOwners = [:] }
        knownOwners[id] = owner
        return owner
    }

    func forgetOwner(of id: SessionID) {
        knownOwners[id] = nil
        sessions[id]?.owner = .unresolved
    }

    func forgetIfIdle(_ session: Session) {
        if session.isIdle, sessions[session.id] === session { sessions[session.id] = nil }
    }
}
