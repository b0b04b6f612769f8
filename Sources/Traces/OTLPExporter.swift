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
            var isAway = false
            while (try? await time.sleep(for: pause)) != nil {
                let reason = await export()
                // What was under way then is sent once more below.
                if Task.isCancelled { break }
                if let reason {
                    pause = min(pause * 2, Self.longestPause)
                    // Once, not with every try.
                    if !isAway { logger.warning("traces wait for their collector: \(reason)") }
                    isAway = true
                } else {
                    pause = Self.pause
                    if isAway { logger.notice("the trace collector answers again") }
                    isAway = false
                }
            }
        }
        guard let reason = await export() else { return }
        logger.warning("\(queue.count) spans are lost, as the trace collector cannot take them: \(reason)")
    }

    /// Sends all that waits.
    ///
    /// - Returns: Why the collector cannot take it now; nil: nothing waits any more.
    package func export() async -> String? {
        while true {
            let spans = queue.first(Self.batch)
            guard !spans.isEmpty else { return nil }
            switch await send(OTLPRequest.body(spans, service: service, version: version)) {
            case .accepted:
                queue.removeFirst(spans.count)
                exported.increment(by: spans.count)
            case .busy(let reason):
                return reason
            case .refused(let reason):
                queue.drop(spans.count)
                logger.warning("the trace collector refused \(spans.count) spans: \(reason)")
            }
        }
    }
}
