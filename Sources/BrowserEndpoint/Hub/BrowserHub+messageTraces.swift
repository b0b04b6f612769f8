import MiddlewareKit
import NIOCore
import PipelineEngine

/// Somebody waits for the next message of a kind, to see what happens to it.
struct TraceWaiter {
    let condition: Condition
    let trace: PassageTrace
}

extension BrowserHub {
    private static let maxTraceWaiters = 16
    /// Connections on which nothing is sent for longer may be closed.
    private static let signOfLife = TimeAmount.seconds(15)

    /// - Returns: The trace of the next message for which the condition holds. It ends with the message, or after the time.
    /// - Throws: ``Rejection`` when too many are waiting.
    func traceNext(_ condition: Condition, within limit: Duration) throws -> PassageTrace {
        guard traceWaiters.count < Self.maxTraceWaiters else {
            throw Rejection(
                code: "rate_limited", message: "Too many traces are waiting for a message.", retryAfterMs: 60_000)
        }
        let trace = PassageTrace()
        traceWaiters.append(TraceWaiter(condition: condition, trace: trace))
        let id = ObjectIdentifier(trace)
        openTraces[id] = trace
        let end = eventLoop.scheduleTask(in: TimeAmount(limit)) { self.assumeIsolated { $0.expire(trace) } }
        let signs = eventLoop.scheduleRepeatedTask(initialDelay: Self.signOfLife, delay: Self.signOfLife) { _ in
            trace.noteWaiting()
        }
        trace.onEnd { [eventLoop] in
            end.cancel()
            signs.cancel()
            eventLoop.execute {
                self.assumeIsolated { hub in
                    hub.openTraces[id] = nil
                    hub.traceWaiters.removeAll { ObjectIdentifier($0.trace) == id }
                }
            }
        }
        return trace
    }

    /// The time is over for all traces: the server stops.
    package func expireTraces() {
        for trace in openTraces.values { expire(trace) }
    }

    private func expire(_ trace: PassageTrace) {
        trace.expire(isMatched: !traceWaiters.contains { $0.trace === trace })
    }

    /// The context with the trace that waits for such a message, if there is one. What is followed already stays with who took it:
    /// a chat to the end of its answer.
    func watched(_ context: MessageContext, _ facts: @autoclosure () -> MessageFacts) -> MessageContext {
        guard !traceWaiters.isEmpty else { return context }
        if let trace = context[PassageTraceKey.self], openTraces[ObjectIdentifier(trace)] != nil { return context }
        let facts = facts()
        guard let index = traceWaiters.firstIndex(where: { $0.condition.matches(facts) }) else { return context }
        var context = context
        context[PassageTraceKey.self] = traceWaiters.remove(at: index).trace
        return context
    }
}
