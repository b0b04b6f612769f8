import Logging
import MiddlewareKit
import PipelineEngine
package import Tracing

/// Which messages are traced.
package struct TraceOptions: Sendable {
    package var tracer: any Tracer
    /// The share of messages, 0 to 1.
    package var share: Double

    package init(tracer: any Tracer, share: Double) {
        self.tracer = tracer
        self.share = share
    }
}

extension BrowserHub {
    /// The context with a span for the message, and with the trace in its log entries; as it is when the message is not traced.
    func traced(
        _ context: MessageContext, _ name: String, ofKind kind: SpanKind = .server, _ session: SessionID?,
        runID: String?
    ) -> MessageContext {
        guard let traces, Double.random(in: 0..<1) < traces.share else { return context }
        let span = traces.tracer.startSpan(name, context: .topLevel, ofKind: kind)
        span.updateAttributes { attributes in
            attributes["sluice.message.id"] = SpanAttribute.string(context.id)
            if let session {
                attributes["sluice.gateway.id"] = SpanAttribute.string(session.gateway)
                if let agent = agentID(inSessionKey: session.key) {
                    attributes["sluice.agent.id"] = SpanAttribute.string(agent)
                }
            }
            if let runID { attributes["sluice.run.id"] = SpanAttribute.string(runID) }
        }
        var context = context
        context[MessageSpan.self] = span
        var header: [String: String] = [:]
        traces.tracer.inject(span.context, into: &header, using: HeaderInjector())
        if let traceparent = header["traceparent"] {
            context.traceparent = traceparent
            let parts = traceparent.split(separator: "-")
            if parts.count == 4 { context.logger[metadataKey: "trace.id"] = "\(parts[1])" }
        }
        return context
    }
}

private struct HeaderInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
}

extension MessageContext {
    /// Ends the message's span; what is ended already stays as it is.
    func endTrace(_ error: Rejection? = nil) { self[MessageSpan.self]?.end(error: error?.code) }

    /// The message has failed, and its span goes on.
    func markTrace(_ code: String) { self[MessageSpan.self]?.mark(error: code) }
}
