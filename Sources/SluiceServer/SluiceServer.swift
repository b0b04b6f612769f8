import Analytics
import BrowserEndpoint
import Hummingbird
package import Logging
import MiddlewareKit
import NIOCore
import NIOPosix
import OpenClaw
import OpenClawTesting
import OutboundHTTP
import PipelineEngine
import ServiceLifecycle
package import Settings
import Stages
import Storage
import Telemetry
import Tracing
import UnixSignals
import WebSocketTransport
import Webhooks

/// The composition root: makes the parts from the settings, runs them, and takes them down in order.
package struct SluiceServer: Sendable {
    package struct Options: Sendable {
        /// Start a demo gateway in the process while the settings name none.
        package var demo = false
        /// Where the configuration was read from, for reloading.
        package var file = "config.yaml"
        /// Reads the configuration again, for a server that runs with these settings until it is restarted.
        package var read: (@Sendable (_ running: ServerSettings?) throws(UnreadableFile) -> LoadedSettings)?
        /// Called with the address of the page once the port is open.
        package var onListening: @Sendable (_ url: String, _ isDemo: Bool) -> Void = { _, _ in }

        package init() {}
    }

    private let loaded: LoadedSettings
    private let settings: Settings
    private let options: Options
    private let logger: Logger

    /// - Parameter settings: The values of `loaded`, which has no errors.
    package init(_ settings: Settings, _ loaded: LoadedSettings, options: Options, logger: Logger) {
        self.settings = settings
        self.loaded = loaded
        self.options = options
        self.logger = logger
    }

    /// Runs until the task is cancelled, or until SIGTERM or SIGINT; the first asks for an orderly end, the second ends
    /// the process at once.
    ///
    /// - Throws: ``StartFailure`` in plain words when something that the server needs cannot be had.
    package func run() async throws {
        let (time, signals) = (SystemTime(), Signals())
        let programs = RunningPrograms(time: time)
        // From before a stage is made: whoever starts the server may end it at once, and no program outlives it.
        let received = await UnixSignalsSequence(trapping: [.sigterm, .sigint, .sighup])
        let logger = logger
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            // The first of two that live as long as the server: what the system tells it, for which it must not wait.
            tasks.addTask { await signals.watch(received, programs, logger: logger) }
            // The second: all that it does, beside the signals, which must be heard whatever it waits for.
            tasks.addTask {
                do {
                    try await serve(signals, programs, time)
                } catch {
                    await programs.end()
                    throw error
                }
                await programs.end()
            }
            defer { tasks.cancelAll() }
            // The signal watcher never ends by itself.
            try await tasks.next()
        }
        logger.info("stopped")
    }

    private func serve(_ signals: Signals, _ programs: RunningPrograms, _ time: SystemTime) async throws {
        // Before anything makes a handle.
        let prometheus = MetricsBackend.prometheus
        // All sockets share one loop, see BrowserHub.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { group.shutdownGracefully { _ in } }
        let eventLoop = group.next()

        let storage = try Database.open(settings.storage)
        let lock = try ServingLock(database: settings.storage.path)
        let recorder = AnalyticsRecorder(store: storage, time: time)
        let traces = TraceExport(settings.traces, time: time, logger: logger)
        let webhooks = WebhookRegistry()
        let identity = try DeviceIdentity.loadOrCreate(path: settings.dataFolder + "/device.json")
        let deviceTokens = try await DeviceTokens.load(from: storage, identity: identity, logger: logger)
        let manager = GatewayManager(
            eventLoop: eventLoop, identity: identity, time: time, logger: logger, version: Version.current,
            deviceTokens: deviceTokens)
        let keeper = StageKeeper()
        let factory = chainFactory(
            keeper: keeper, storage: storage, recorder: recorder, webhooks: webhooks, gateways: manager,
            programs: programs, tracer: traces?.options.tracer, time: time)
        guard let chains = try await makeChains(factory, unless: signals.ending) else {
            await traces?.shutdown()
            return
        }
        if !chains.hasStage(ofKind: AnalyticsPlugin.kind) {
            try await storage.forgetAnalyticsProgress()
        }
        await StrandedWebhooks(store: storage, time: time, logger: logger).report(loaded)

        let jobs = JobRunner(eventLoop: eventLoop)
        let hub = BrowserHub(
            eventLoop: eventLoop, gateways: manager, storage: storage, chains: chains, jobs: jobs,
            time: time, limits: settings.hubLimits, proxies: TrustedProxies(settings.server.trustedProxies),
            traces: traces?.options, logger: logger)
        await manager.setObserver(hub)

        var configurations = settings.gateways.map(GatewayConfiguration.init)
        let stored = try await storage.gatewayConfigurations(logger)
        configurations += stored.filter { new in !configurations.contains { $0.id == new.id } }
        let demo = options.demo && configurations.isEmpty ? DemoGateway() : nil

        let tls = try settings.tlsFiles.map { try ServerTLS(ServerTLS.read($0)) }
        let read = options.read
        let reloader = Reloader(
            // Nobody else keeps chains, so that a stage ends with the last run that uses it.
            file: options.file, current: loaded, chains: consume chains,
            parts: Reloader.Parts(
                hub: hub, gateways: manager, storage: storage, factory: factory, tls: tls, time: time, logger: logger)
        ) { [loaded] (running) throws(UnreadableFile) in try read?(running) ?? loaded }
        let metrics = MetricsPage(isOpen: settings.metrics.withoutKey) { prometheus.text }
        let gatewayService = GatewayService(manager: manager, hub: hub, configurations: configurations, demo: demo)
        let endpoint = makeEndpoint(
            hub: hub, group: group, metrics: metrics, analytics: recorder,
            webhooks: WebhookAdministration(registry: webhooks, store: storage, time: time), configuration: reloader,
            gateways: gatewayService, tls: tls)
        let watcher = FileWatcher(
            known: { await reloader.stamps }, reload: { _ = await reloader.reload(trigger: "file change") }, time: time)
        let drain = DrainService(hub: hub, timeout: settings.shutdown.timeout)
        var services = traces.map { [NamedService("traces", $0.service)] } ?? []
        services += [
            NamedService("stages", keeper),
            NamedService("jobs", jobs),
            NamedService("figures", MetricsService(hub: hub, eventLoop: eventLoop)),
            NamedService("device tokens", deviceTokens),
            NamedService("gateways", gatewayService),
            NamedService("files", watcher),
            NamedService("connections", ConnectionReview(hub: hub, time: time)),
            NamedService("server", endpoint),
            NamedService("runs", drain),
        ]
        var configuration = ServiceGroupConfiguration(services: services, logger: quiet(logger))
        configuration.maximumGracefulShutdownDuration = settings.shutdown.timeout + .seconds(15)
        let serviceGroup = ServiceGroup(configuration: configuration)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            // The first of two that end with the services: a signal may come at any time.
            tasks.addTask {
                guard await signals.ending.wait() else { return }
                await reloader.stop()
                await serviceGroup.triggerGracefulShutdown()
            }
            // The second: it reloads, while the other signals are heard.
            tasks.addTask { for await _ in signals.hangUps { _ = await reloader.reload(trigger: "SIGHUP") } }
            defer { tasks.cancelAll() }
            do {
                try await serviceGroup.run()
            } catch {
                throw StartFailure(explaining: error, settings: settings, file: options.file)
            }
        }
        await traces?.shutdown()
        try storage.close()
        lock.release()
    }

    /// - Returns: Nil: the server is to end, and waits for no stage.
    private func makeChains(_ factory: ChainFactory, unless ending: Wish) async throws -> ChainSet? {
        try await withThrowingTaskGroup(of: ChainSet?.self) { tasks in
            // The first of two, of which the one that ends first decides: a stage may take long to be made.
            tasks.addTask { try await factory.make(loaded.chains, generation: 1, reusing: nil) }
            // The second: the wish to end, for which no stage is waited.
            tasks.addTask {
                _ = await ending.wait()
                return nil
            }
            defer { tasks.cancelAll() }
            return try await tasks.next() ?? nil
        }
    }

    private var environment: StageEnvironment {
        StageEnvironment(of: settings.server)
    }

    private func chainFactory(
        keeper: StageKeeper, storage: Database, recorder: AnalyticsRecorder, webhooks: WebhookRegistry,
        gateways: GatewayManager, programs: RunningPrograms, tracer: (any Tracer)?, time: any TimeSource
    ) -> ChainFactory {
        let (logger, environment) = (logger, environment)
        let http = GuardedHTTPClient(userAgent: "Sluice/\(Version.current)")
        return ChainFactory(keeper: keeper, tracer: tracer, time: time) { name in
            var stageLogger = logger
            stageLogger[metadataKey: "stage"] = "\(name)"
            var context = ProvisionContext(
                stageName: name, environment: environment, messages: storage, keys: storage, state: storage,
                time: time,
                logger: stageLogger)
            context.http = http
            context[AnalyticsRecorderSlot.self] = recorder
            context[DeliveryStoreKey.self] = storage
            context[WebhookRegistryKey.self] = webhooks
            context[GatewayDirectoryKey.self] = gateways
            context[RunningProgramsKey.self] = programs
            return context
        }
    }

    private func makeEndpoint(
        hub: BrowserHub, group: any EventLoopGroup, metrics: MetricsPage, analytics: AnalyticsRecorder,
        webhooks: WebhookAdministration, configuration: Reloader, gateways: GatewayService,
        tls: ServerTLS?
    ) -> some Service {
        let settings = settings
        let origins = OriginPolicy(
            allowed: settings.server.allowedOrigins, isLoopbackOnly: !settings.server.listensBeyondLoopback)
        let routes = Routes(
            hub: hub, origins: origins, page: Page(),
            scanner: settings.scan.enabled ? NetworkScanner(settings: settings.scan, group: group) : nil,
            metrics: metrics, analytics: analytics, webhooks: webhooks, configuration: configuration)
        let host = settings.server.host
        let onListening = options.onListening
        var application = Application(
            router: routes.router(),
            server: EndpointChannel.builder(
                hub: hub, origins: origins, options: settings.webSocketOptions, tls: tls),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: settings.server.port), serverName: "Sluice", backlog: 1024),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? settings.server.port
                let scheme = tls == nil ? "http" : "https"
                onListening("\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)", gateways.demo != nil)
            },
            eventLoopGroupProvider: .shared(group),
            logger: quiet(logger))
        application.beforeServerStarts { try await gateways.start() }
        return application
    }

    /// For the libraries that start and stop the parts of the server, and tell of it in the names of Swift types. Who wants to see
    /// that asks for `trace`.
    private func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        if logger.logLevel > .trace { logger.logLevel = max(logger.logLevel, .notice) }
        return logger
    }
}

/// Why the server could not start, in words for the person who started it.
package struct StartFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    /// - Parameter file: Where the settings stand.
    init(explaining error: any Error, settings: Settings, file: String) {
        switch error {
        case let failure as StartFailure:
            self = failure
        case let error as IOError where error.errnoCode == EADDRINUSE:
            self.init(
                "port \(settings.server.port) on \(settings.server.host) is in use by another program. "
                    + "Stop it, or set another `server.port` in \(file).")
        case let error as IOError where error.errnoCode == EACCES:
            self.init("this user may not open port \(settings.server.port). Set a `server.port` of 1024 or above.")
        case let error as IOError where error.errnoCode == EADDRNOTAVAIL:
            self.init("this machine has no address \(settings.server.host); correct `server.host` in \(file).")
        case is SocketAddressError.UnknownHost, is SocketAddressError:
            self.init("the name \(settings.server.host) has no address; correct `server.host` in \(file).")
        case let error as IOError:
            self.init(
                "cannot listen on port \(settings.server.port) of \(settings.server.host): "
                    + String(cString: strerror(error.errnoCode)) + ".")
        default:
            self.init("\(error)")
        }
    }
}
