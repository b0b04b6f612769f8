import CoreMetrics
package import Logging
package import MiddlewareKit
package import NIOCore
import ServiceLifecycle
import Telemetry

/// Sends the spans of a queue to a collector, some hundreds at a time.
package struct OTLPExporter: Sendable {
    /// What a collector made of spans.
    package enum Outcome: Sendable, Equatable {
        case accepted
        /// It may take them later.
        case busy(String)
        /// It never will.
        case refused(String)
    }

    package typealias Send = @Sendable (_ body: ByteBuffer) async -> Outcome

    private static let batch = 512
    private static let pause = Duration.seconds(2)
    private static let longestPause = Duration.seconds(60)

    private let queue: SpanQueue
    private let service: String
    private let version: String
    private let time: any TimeSource
    private let logger: Logger
    private let send: Send
    private let exported = Counter(.traceSpansExported)

    package init(
        queue: SpanQueue, service: String, version: String, time: any TimeSource, logger: Logger, send: @escaping Send
    ) {
        self.queue = queue
        self.service = service
        self.version = version
        self.time = time
        self.logger = logger
        self.send = send
    }

    /// Runs until graceful shutdown; what waits then is sent once more.
    package func run() async {
        await cancelWhenGracefulShutdown {
            var pause = Self.pause
            while !Task.isCancelled {
                try? await time.sleep(for: pause)
                pause = await export() ? Self.pause : min(pause * 2, Self.longestPause)
            }
        }
        _ = await export()
    }

    /// Sends all that waits. False: the collector cannot take it now.
    package func export() async -> Bool {
        while true {
            let spans = queue.first(Self.batch)
            guard !spans.isEmpty else { return true }
            switch await send(OTLPRequest.body(spans, service: service, version: version)) {
            case .accepted:
                queue.removeFirst(spans.count)
                exported.increment(by: spans.count)
            case .busy(let reason):
                logger.debug("the trace collector cannot be reached: \(reason)")
                return false
            case .refused(let reason):
                queue.drop(spans.count)
                logger.warning("the trace collector refused \(spans.count) spans: \(reason)")
            }
        }
    }
}
