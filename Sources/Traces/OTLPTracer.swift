package import Tracing

/// A tracer of swift-distributed-tracing whose spans wait in a queue to be exported.
package struct OTLPTracer: Tracer {
    private let queue: SpanQueue

    package init(queue: SpanQueue) { self.queue = queue }

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> OTLPSpan {
        var context = context()
        let parent = context.span
        let identity = SpanIdentity(childOf: parent)
        context.span = identity
        let record = OTLPSpan.Record(
            name: operationName, identity: identity, parent: parent, kind: kind, start: instant().nanosecondsSinceEpoch)
        return OTLPSpan(record, context: context, queue: queue)
    }

    /// Writes `traceparent`.
    package func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        if let span = context.span { injector.inject(span.traceparent, forKey: "traceparent", into: &carrier) }
    }

    /// Reads `traceparent`.
    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        context.span = extractor.extract(key: "traceparent", from: carrier).flatMap(SpanIdentity.init(traceparent:))
    }

    package func forceFlush() {}
}
