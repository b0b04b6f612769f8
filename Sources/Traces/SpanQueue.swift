import CoreMetrics
import Synchronization
import Telemetry

/// Spans that have ended and wait to be exported. When it is full, the newest are dropped: a collector that is away costs
/// some memory, and nothing else.
package final class SpanQueue: Sendable {
    private let capacity: Int
    private let spans = Mutex<[OTLPSpan.Record]>([])
    private let dropped = Counter(.traceSpansDropped)

    package init(capacity: Int = 4096) { self.capacity = capacity }

    package var count: Int { spans.withLock { $0.count } }

    func append(_ span: OTLPSpan.Record) {
        let isDropped = spans.withLock { spans in
            guard spans.count < capacity else { return true }
            spans.append(span)
            return false
        }
        if isDropped { dropped.increment() }
    }

    /// The oldest spans; they stay until `removeFirst`.
    func first(_ count: Int) -> [OTLPSpan.Record] { spans.withLock { Array($0.prefix(count)) } }

    func removeFirst(_ count: Int) { spans.withLock { $0.removeFirst(min(count, $0.count)) } }

    /// What the collector does not want.
    func drop(_ count: Int) {
        removeFirst(count)
        dropped.increment(by: count)
    }
}
