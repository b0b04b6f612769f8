import BrowserEndpoint
import CoreMetrics
import NIOCore
import ServiceLifecycle
import Telemetry

/// The metrics backend of the process, see `/metrics`.
enum MetricsBackend {
    /// Put in place once: swift-metrics takes one backend for the life of the process.
    static let prometheus: PrometheusFactory = {
        let factory = PrometheusFactory()
        MetricsSystem.bootstrap(factory)
        Meter(.buildInfo, Version.current).set(1)
        return factory
    }()
}

/// Tells the metrics backend what nobody tells it where it happens: what there is of things, and how late the event loop is.
struct MetricsService: Service {
    let hub: BrowserHub
    let eventLoop: any EventLoop

    private static let pause = TimeAmount.milliseconds(500)
    /// How many pauses lie between two samples of what there is.
    private static let sampleEvery = 10

    func run() async throws {
        let lag = Timer(.eventLoopLag)
        try await cancelWhenGracefulShutdown {
            var count = 0
            while !Task.isCancelled {
                if count % Self.sampleEvery == 0 { await hub.sampleMetrics() }
                count += 1
                let due = NIODeadline.now() + Self.pause
                let late = try await eventLoop.scheduleTask(deadline: due) { NIODeadline.now() - due }.futureResult
                    .get()
                lag.recordNanoseconds(late.nanoseconds)
            }
        }
    }
}
