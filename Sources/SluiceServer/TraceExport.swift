import BrowserEndpoint
import Logging
import MiddlewareKit
import NIOPosix
import ServiceLifecycle
import Settings
import Traces

private struct ExportService: Service {
    let exporter: OTLPExporter

    func run() async throws { await exporter.run() }
}

/// What traces need: a queue, something that fills it and something that empties it. There only when an endpoint is set.
struct TraceExport {
    let options: TraceOptions
    let service: any Service
    private let client: OTLPClient

    init?(_ settings: TracesSettings, time: any TimeSource, logger: Logger) {
        guard let endpoint = settings.endpoint else { return nil }
        let queue = SpanQueue()
        let client = OTLPClient(url: endpoint, headers: settings.headers, group: .singleton)
        options = TraceOptions(tracer: OTLPTracer(queue: queue), share: settings.share)
        service = ExportService(
            exporter: OTLPExporter(
                queue: queue, service: settings.serviceName, version: Version.current, time: time, logger: logger
            ) { await client.post($0) })
        self.client = client
    }

    /// Call it when the service has ended.
    func shutdown() async { try? await client.shutdown() }
}
