import BrowserEndpoint
import Logging
import MiddlewareKit
import OpenClaw
import OpenClawTesting
import PipelineEngine
import ServiceLifecycle

/// A service under a name for the log: what runs services tells of them as they print, and they would print all that they hold.
struct NamedService: Service, CustomStringConvertible {
    let description: String
    private let service: any Service

    init(_ name: String, _ service: any Service) { (description, self.service) = (name, service) }

    func run() async throws { try await service.run() }
}

/// Keeps the connections to the gateways for as long as the server runs.
struct GatewayService: Service {
    let manager: GatewayManager
    let hub: BrowserHub
    let configurations: [GatewayConfiguration]
    let demo: DemoGateway?

    /// Begins to connect. Browsers that come later know all gateways.
    func start() async throws {
        var configurations = configurations
        if let demo { configurations.append(try await demo.start()) }
        try await hub.restoreSessionKeys()
        try await hub.restoreRuns(gateways: Set(configurations.map(\.id)))
        await manager.start(configurations)
    }

    func run() async throws {
        try? await gracefulShutdown()
        await manager.stop()
        await demo?.stop()
    }
}

/// The gateway that comes with Sluice, over a real WebSocket on loopback.
struct DemoGateway: Sendable {
    private let gateway: FakeGateway
    private let token = Secret(String(UInt64.random(in: .min ... .max), radix: 36))

    init() {
        var options = FakeGateway.Options.demo
        options.token = token.revealed
        gateway = FakeGateway(options: options)
    }

    func start() async throws -> GatewayConfiguration {
        try await gateway.start()
        var configuration = GatewayConfiguration(
            id: "demo", name: "Demo", url: await gateway.url, token: token)
        configuration.isDemo = true
        configuration.approvals = .administrators
        return configuration
    }

    func stop() async { await gateway.stop() }
}

/// Lets the runs under way end before anything else is taken down.
struct DrainService: Service {
    let hub: BrowserHub
    let timeout: Duration

    func run() async throws {
        try? await gracefulShutdown()
        await hub.drain(timeout: timeout)
    }
}

/// Looks again and again whether those who were let in still may be.
struct ConnectionReview: Service {
    let hub: BrowserHub
    let time: any TimeSource
    var pause = Duration.seconds(5)

    func run() async {
        await cancelWhenGracefulShutdown {
            while (try? await time.sleep(for: pause)) != nil { await hub.reviewConnections() }
        }
    }
}
