package import MiddlewareKit
package import Tracing

/// The span of a message. Its children are the calls of stages, and what the gateway does.
package enum MessageSpan: ContextKey {
    package typealias Value = any Tracing.Span
}

extension MessageContext {
    /// A child of the message's span; nil when the message is not traced.
    package func startSpan(_ name: String, ofKind kind: SpanKind, _ tracer: (any Tracer)?) -> (any Tracing.Span)? {
        guard let tracer, let parent = self[MessageSpan.self] else { return nil }
        return tracer.startSpan(name, context: parent.context, ofKind: kind)
    }
}

extension Tracing.Span {
    /// Ends the span; with an error, if there is a word for one.
    package func end(error code: String?) {
        if let code { mark(error: code) }
        end()
    }

    /// Says with which code it failed.
    package func mark(error code: String) { setStatus(SpanStatus(code: .error, message: code)) }
}
