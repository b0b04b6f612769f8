import Analytics
import BrowserEndpoint
import Foundation
import Hummingbird
import JSON
import Logging
import MiddlewareKit
import MiddlewareTesting
import NIOCore
import NIOPosix
import OpenClaw
import OpenClawTesting
import PipelineEngine
import ServiceLifecycle
import Stages
import Storage
import WebSocketTransport
import Webhooks

/// A whole server in the process: real sockets on loopback, fake gateways, and a database in a temporary folder.
struct Rig: Sendable {
    struct Options: Sendable {
        /// Runs are driven by the test.
        var gateway = FakeGateway.Options.manual
        /// The names of the gateways; the first one is ``Rig/gateway``.
        var gateways = ["home"]
        /// False: the gateways are configured and nobody listens there.
        var gatewaysListen = true
        var whileAway = AwayPolicy.standard
        /// The gateways to which users may send no commands.
        var blockingGateways: Set<String> = []
        var sharesKnownSessions = false
        /// False: the chain has no `persist`.
        var keepsMessages = true
        var scopes = GatewayConfiguration.defaultScopes
        var approvals = ApprovalPolicy.off
        /// How the gateways spelled session keys when the server ran last.
        var knownKeys: [String: SessionKeys] = [:]
        var auth = AuthOptions.Mode.none
        var time = ManualTime()
        /// Where the database lies; nil: in a folder of its own that is deleted in the end.
        var folder: URL?
        /// A gateway that was there before, and goes on after the server has stopped; in place of those that are made.
        var existing: FakeGateway?
        /// Between `auth` and `thinking-strip`.
        var stages: [Stage] = []
        /// Below `persist`.
        var stagesBelow: [Stage] = []
        /// Below `stages`; nil: there is none.
        var route: RouteOptions?
        var routeCondition = Condition.always
        /// Where `persist` keeps messages; nil: in the database.
        var messages: (any MessageStore)?
        /// A webhook stage below `persist`; nil: there is none.
        var webhook: WebhookOptions?
        /// What webhook endpoints answer.
        var http = ScriptedHTTPCaller()
        var limits = BrowserHub.Limits()
        var socket = WebSocketOptions()
        var requestTimeout = TimeAmount.seconds(30)
        var origins: [String] = []
        var scanner: (any GatewayScanner)?
        var metrics: MetricsPage?
        var configuration: (any ConfigurationControl)?
        var proxies: [IPNetwork] = []
        var traces: TraceOptions?
        /// The hub's.
        var logger = Sample.logger
    }

    let port: Int
    let gateways: [FakeGateway]
    let manager: GatewayManager
    let hub: BrowserHub
    let database: Database
    let time: ManualTime
    let analytics: AnalyticsRecorder
    /// `GET /healthz` and all the others.
    let routes: [String]

    var gateway: FakeGateway { gateways[0] }

    /// Starts everything, runs `body`, and takes everything down.
    static func run(_ options: Options = Options(), _ body: (Rig) async throws -> Void) async throws {
        let temporary = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: temporary) }
        let folder = options.folder ?? temporary
        let time = options.time
        let database = try Database.open(
            path: folder.appending(path: "test.db").path(), synchronous: .normal, busyTimeout: .seconds(5),
            now: { time.now })
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let manager = GatewayManager(
            eventLoop: eventLoop, identity: DeviceIdentity(), time: time, logger: Sample.logger, version: "test")
        let jobs = JobRunner(eventLoop: eventLoop)
        let analytics = AnalyticsRecorder(store: database, time: time)
        try await analytics.repair(users: true)
        let webhooks = WebhookRegistry()
        let chain = try await makeChain(options, database, analytics, webhooks, manager, time)
        let hub = BrowserHub(
            eventLoop: eventLoop, gateways: manager, storage: database, chains: ChainSet(standard: chain), jobs: jobs,
            time: time,
            limits: options.limits, proxies: TrustedProxies(options.proxies), traces: options.traces,
            logger: options.logger)
        var gatewayOptions = options.gateway
        // Signatures must be fresh by the gateway's clock.
        gatewayOptions.now = { time.now.milliseconds }
        let gateways =
            options.existing.map { [$0] }
            ?? options.gateways.map { [gatewayOptions] _ in FakeGateway(options: gatewayOptions) }
        try await connect(manager, hub, gateways, options)

        let origins = OriginPolicy(allowed: options.origins, isLoopbackOnly: true)
        let (ports, port) = AsyncStream<Int>.makeStream()
        let routing = Routes(
            hub: hub, origins: origins, page: Page(), scanner: options.scanner, metrics: options.metrics,
            analytics: analytics, webhooks: WebhookAdministration(registry: webhooks, store: database, time: time),
            configuration: options.configuration
        )
        let routes = routing.answeringRouter().routes.filter { $0.method != .head }.map(\.description)
        let application = Application(
            router: routing.router(),
            server: EndpointChannel.builder(
                hub: hub, origins: origins, options: options.socket, requestTimeout: options.requestTimeout),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.yield($0.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(group), logger: Logger(label: "test") { _ in SilentLogHandler() })
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [jobs, application], logger: Sample.logger))

        // Only where it is looked at: it sleeps on the same clock, and tests wait for those who sleep.
        let background = Task {
            guard options.webhook != nil else { return }
            await withDiscardingTaskGroup { group in
                for case let stage as any BackgroundStage in chain.stages.map(\.middleware) {
                    group.addTask { await stage.run() }
                }
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await services.run() }
            let rig = Rig(
                port: await ports.first { _ in true } ?? 0, gateways: gateways, manager: manager, hub: hub,
                database: database, time: time, analytics: analytics, routes: routes)
            let result: Result<Void, any Error>
            do { result = .success(try await body(rig)) } catch { result = .failure(error) }
            await hub.drain(timeout: .zero)
            await manager.stop()
            for gateway in gateways where gateway !== options.existing { await gateway.stop() }
            await services.triggerGracefulShutdown()
            background.cancel()
            await background.value
            try await tasks.waitForAll()
            try result.get()
        }
        try database.close()
        try await group.shutdownGracefully()
    }

    private static func makeChain(
        _ options: Options, _ database: Database, _ analytics: AnalyticsRecorder, _ webhooks: WebhookRegistry,
        _ manager: GatewayManager, _ time: ManualTime
    ) async throws -> Chain {
        var context = Sample.provision(messages: options.messages ?? database, keys: database, time: time)
        context[AnalyticsRecorderSlot.self] = analytics
        context.http = options.http
        context[DeliveryStoreKey.self] = database
        context[WebhookRegistryKey.self] = webhooks
        context[GatewayDirectoryKey.self] = manager
        var auth = AuthOptions()
        auth.mode = options.auth
        var stages = [
            Stage(
                name: "auth", kind: "auth", middleware: try await AuthPlugin.provision(auth, in: context),
                executor: nil)
        ]
        let strip = try await ThinkingStripPlugin.provision(ThinkingStripOptions(), in: context)
        let persist = try await PersistPlugin.provision(PersistOptions(), in: context)
        let count = try await AnalyticsPlugin.provision(AnalyticsOptions(), in: context)
        var last = [
            Stage(name: "thinking-strip", kind: "thinking-strip", middleware: strip, executor: nil),
            Stage(name: "persist", kind: "persist", middleware: persist, executor: nil),
            Stage(name: "analytics", kind: "analytics", middleware: count, onError: .open, executor: nil),
        ]
        if !options.keepsMessages { last.removeAll { $0.kind == "persist" } }
        if let webhook = options.webhook {
            let middleware = try await WebhookPlugin.provision(webhook, in: context)
            last.append(Stage(name: "test", kind: "webhook", middleware: middleware, onError: .open, executor: nil))
        }
        stages += options.stages
        if let route = options.route {
            let middleware = try await RoutePlugin.provision(route, in: context)
            stages.append(
                Stage(
                    name: "route", kind: "route", middleware: middleware, condition: options.routeCondition,
                    executor: nil))
        }
        return Chain(
            stages: stages + last + options.stagesBelow, tracer: options.traces?.tracer, time: time)
    }

    /// Connects the gateways, and waits until they are ready and their lists have come.
    private static func connect(
        _ manager: GatewayManager, _ hub: BrowserHub, _ gateways: [FakeGateway], _ options: Options
    ) async throws {
        let witness = ConnectionWitness(hub)
        await manager.setObserver(witness)
        await manager.setKnownKeys(options.knownKeys)
        for (id, gateway) in zip(options.gateways, gateways) {
            if options.gatewaysListen, options.existing == nil { try await gateway.start() }
            // Port 9 is the one of the discard service; nobody listens there.
            let url = options.gatewaysListen ? await gateway.url : "ws://127.0.0.1:9"
            var configuration = GatewayConfiguration(id: id, name: id.capitalized, url: url, scopes: options.scopes)
            // Tests say when a gateway is connected to again.
            configuration.retryDelay = .seconds(3600)
            configuration.whileAway = options.whileAway
            configuration.blocksCommands = options.blockingGateways.contains(id)
            configuration.approvals = options.approvals
            configuration.sharesKnownSessions = options.sharesKnownSessions
            await manager.add(configuration)
        }
        for _ in gateways {
            _ = await witness.settled.first { _ in true }
        }
    }
}

extension FakeGateway.Options {
    static var manual: Self {
        var options = Self()
        options.reply = ManualReply()
        return options
    }
}

/// Passes everything on to the hub, and tells when a gateway's first connection has settled, for better or for worse.
private final class ConnectionWitness: GatewayObserver {
    let hub: BrowserHub
    let settled: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init(_ hub: BrowserHub) {
        self.hub = hub
        (settled, continuation) = AsyncStream.makeStream()
    }

    func gateway(_ id: String, didChange status: GatewayStatus) {
        hub.gateway(id, didChange: status)
        if [.backingOff, .refused, .pairing, .limited].contains(status.state) { continuation.yield() }
    }

    func gateway(_ id: String, didUpdate metadata: GatewayMetadata) {
        hub.gateway(id, didUpdate: metadata)
        // The models are asked for last.
        if !metadata.models.isEmpty { continuation.yield() }
    }

    func gateway(_ id: String, run: GatewayRun, didReceive event: ChatEvent) {
        hub.gateway(id, run: run, didReceive: event)
    }

    func gateway(_ id: String, didReceive notice: GatewayNotice) { hub.gateway(id, didReceive: notice) }

    func gatewayDidReadBurst(_ id: String) { hub.gatewayDidReadBurst(id) }
}

extension Rig.Options {
    /// For a server that is started again: its folder and its gateway, which tells the time of the server's clock, outlast it.
    static func lasting() async throws -> (options: Rig.Options, folder: URL, gateway: FakeGateway) {
        var options = Rig.Options()
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        options.folder = folder
        let time = options.time
        var gatewayOptions = FakeGateway.Options.manual
        gatewayOptions.now = { time.now.milliseconds }
        let gateway = FakeGateway(options: gatewayOptions)
        try await gateway.start()
        options.existing = gateway
        return (options, folder, gateway)
    }
}

extension Rig {
    /// Cuts the connection, and waits until the browser heard of it.
    func cut(seenBy browser: Browser) async throws {
        await gateway.interrupt(.cut)
        _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
    }

    func reconnect() async { await manager.connectNow(id: "home") }
}

extension Browser {
    /// What the history of its session holds: role and text.
    func stored() async throws -> [String] {
        try await history().map { "\($0["role"]?.string ?? "") \($0["content"]?.text ?? "")" }
    }
}
