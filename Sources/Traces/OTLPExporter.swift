import CoreMetrics
package import Logging
package import MiddlewareKit
package import NIOCore
import ServiceLifecycle
import Synchronization
import Telemetry

/// Sends the spans of a queue to a collector, some hundreds at a time.
package final class OTLPExporter: Sendable {
    /// What a collector made of spans.
    package enum Outcome: Sendable, Equatable {
        case accepted
        /// It took all but so many, and never will take these.
        case partlyRefused(Int, String)
        /// It may take them later.
        case busy(String)
        /// It never will.
        case refused(String)
    }

    package typealias Send = @Sendable (_ body: ByteBuffer) async -> Outcome

    private static let batch = 512
    private static let pause = Duration.seconds(2)
    private static let longestPause = Duration.seconds(60)
    /// A collector that refuses all that it gets makes a line in the log so often.
    private static let refusalPause = Duration.seconds(60)

    private struct Refusals {
        var untold = 0
        var toldAt: Duration?
    }

    private let queue: SpanQueue
    private let service: String
    private let version: String
    private let time: any TimeSource
    private let logger: Logger
    private let send: Send
    private let exported = Counter(.traceSpansExported)
    private let refusals = Mutex(Refusals())

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
            while (try? await self.time.sleep(for: pause)) != nil {
                let reason = await self.export()
                // What was under way then is sent once more below.
                if Task.isCancelled { break }
                if let reason {
                    pause = min(pause * 2, Self.longestPause)
                    // Once, not with every try.
                    if !isAway { self.logger.warning("traces wait for their collector: \(reason)") }
                    isAway = true
                } else {
                    pause = Self.pause
                    if isAway { self.logger.notice("the trace collector answers again") }
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
            case .partlyRefused(let count, let reason):
                let refused = min(count, spans.count)
                queue.removeFirst(spans.count - refused)
                exported.increment(by: spans.count - refused)
                drop(refused, reason)
            case .busy(let reason):
                return reason
            case .refused(let reason):
                drop(spans.count, reason)
            }
        }
    }

    private func drop(_ count: Int, _ reason: String) {
        queue.drop(count)
        let now = time.uptime
        let told: Int? = refusals.withLock { refusals in
            refusals.untold += count
            if let last = refusals.toldAt, now - last < Self.refusalPause { return nil }
            defer { refusals = Refusals(toldAt: now) }
            return refusals.untold
        }
        if let told { logger.warning("the trace collector refused \(told) spans: \(reason)") }
    }
}
