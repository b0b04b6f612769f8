import Synchronization
package import Tracing

/// A span that is handed to the queue when it ends.
package final class OTLPSpan: Tracing.Span {
    /// What there is to tell of a span.
    struct Record {
        var name: String
        let identity: SpanIdentity
        let parent: SpanIdentity?
        let kind: SpanKind
        let start: UInt64
        var end: UInt64?
        var attributes: SpanAttributes = [:]
        var events: [SpanEvent] = []
        var status: SpanStatus?
    }

    /// More events of one span than this are left out.
    private static let maxEvents = 64

    package let context: InstrumentationContext
    private let record: Mutex<Record>
    private let queue: SpanQueue

    init(_ record: Record, context: InstrumentationContext, queue: SpanQueue) {
        self.record = Mutex(record)
        self.context = context
        self.queue = queue
    }

    package var isRecording: Bool { record.withLock { $0.end == nil } }

    package var operationName: String {
        get { record.withLock { $0.name } }
        set { change { $0.name = newValue } }
    }

    package var attributes: SpanAttributes {
        get { record.withLock { $0.attributes } }
        set { change { $0.attributes = newValue } }
    }

    package func setStatus(_ status: SpanStatus) { change { $0.status = status } }

    package func addEvent(_ event: SpanEvent) {
        change { if $0.events.count < Self.maxEvents { $0.events.append(event) } }
    }

    package func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        // Not its text: it may hold what a person wrote.
        var attributes = attributes
        attributes["exception.type"] = SpanAttribute.string("\(type(of: error))")
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
    }

    package func addLink(_ link: SpanLink) {}

    /// The first call counts.
    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        let finished: Record? = record.withLock { record in
            guard record.end == nil else { return nil }
            record.end = instant().nanosecondsSinceEpoch
            return record
        }
        if let finished { queue.append(finished) }
    }

    private func change(_ body: (inout Record) -> Void) {
        record.withLock { if $0.end == nil { body(&$0) } }
    }
}
