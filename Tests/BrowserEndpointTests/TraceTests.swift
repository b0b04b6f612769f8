import BrowserEndpoint
import InMemoryTracing
import JSON
import MiddlewareKit
import OpenClawTesting
import PipelineEngine
import Stages
import Storage
import Synchronization
import Testing
import Tracing

@Suite(.timeLimit(.minutes(1))) struct TraceTests {
    private let tracer = InMemoryTracer()

    private func options(share: Double = 1, stages: [Stage] = []) -> Rig.Options {
        var options = Rig.Options()
        options.traces = TraceOptions(tracer: tracer, share: share)
        options.stages = stages
        return options
    }

    @Test func aTurnIsOneTraceWithAChildForEachStageAndOneForTheGateway() async throws {
        try await Rig.run(options()) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello", in: "agent:main:one", run: "r1")
            let run = try await rig.gateway.nextRun()
            await run.delta("Good")
            await run.final("Good answer.")
            _ = try await browser.turn("r1")
            _ = try await browser.history("agent:main:one")
        }
        let message = try #require(tracer.finishedSpans.first { $0.operationName == "chat" })
        #expect(message.parentSpanID == nil)
        #expect(message.attributes["sluice.run.id"]?.toSpanAttribute() == .string("r1"))
        #expect(message.attributes["sluice.agent.id"]?.toSpanAttribute() == .string("main"))
        let children = tracer.finishedSpans.filter { $0.parentSpanID == message.spanID }
        #expect(
            children.map(\.operationName).sorted()
                == ["analytics", "analytics", "auth", "gateway", "persist", "persist", "thinking-strip"])
        #expect(children.allSatisfy { $0.traceID == message.traceID })
        let gateway = try #require(children.first { $0.operationName == "gateway" })
        #expect(gateway.events.map(\.name) == ["first text"])
        #expect(gateway.status == nil && message.status == nil)
        #expect(tracer.activeSpans.isEmpty)
    }

    @Test func whatGoesWrongIsSaid() async throws {
        try await Rig.run(options()) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello", in: "agent:main:one", run: "r1")
            let run = try await rig.gateway.nextRun()
            await run.error("No.")
            _ = try await browser.turn("r1")
        }
        let gateway = try #require(tracer.finishedSpans.first { $0.operationName == "gateway" })
        #expect(gateway.status?.code == .error)
        #expect(tracer.activeSpans.isEmpty)
    }

    /// Whoever looks for what failed looks at the spans of messages, and finds the code there, none of the gateway's words.
    @Test func aRunThatFailsAtTheGatewayMarksTheMessage() async throws {
        try await Rig.run(options()) { rig in
            let refusal = GatewayRefusal(code: "UNAVAILABLE", message: "the kitchen is closed")
            await rig.gateway.setFaults([.refuse(method: "chat.send", refusal)])
            let browser = try await rig.browser()
            browser.chat("Hello", run: "r1")
            _ = try await browser.turn("r1")
        }
        for name in ["chat", "gateway"] {
            let span = try #require(tracer.finishedSpans.first { $0.operationName == name })
            #expect(span.status == SpanStatus(code: .error, message: "gateway_refused"))
        }
        #expect(tracer.activeSpans.isEmpty)
    }

    @Test func aRejectionEndsTheTraceWithItsCode() async throws {
        let refuse = ClosureStage(
            handles: StagePaths(inbound: [.chat]),
            onInbound: { _, _, _ in throw Rejection(code: "too_long", message: "Please be brief.") })
        try await Rig.run(options(stages: [Stage(name: "brief", kind: "brief", middleware: refuse)])) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            _ = try await browser.next(type: "error")
        }
        for name in ["chat", "brief"] {
            let span = try #require(tracer.finishedSpans.first { $0.operationName == name })
            #expect(span.status == SpanStatus(code: .error, message: "too_long"))
        }
        #expect(tracer.activeSpans.isEmpty)
    }

    /// Somebody looks at them all the time.
    @Test func pagesThatOnlyAskWhoCallsAreNotTraced() async throws {
        var options = options()
        options.auth = .apiKeys
        options.metrics = MetricsPage(isOpen: false) { "" }
        try await Rig.run(options) { rig in
            let key = try await rig.database.createKey(user: "ada", isAdministrator: true).text
            let headers = [("Authorization", "Bearer \(key)")]
            for page in ["/metrics", "/healthz", "/readyz", "/openapi.json", "/api/gateways"] {
                #expect(try await rig.http("GET", page, headers: headers).status == 200, "\(page)")
            }
            #expect(try await rig.http("GET", "/metrics").status == 401)
        }
        // What is a message of its own is traced as before.
        #expect(tracer.finishedSpans.filter { $0.parentSpanID == nil }.map(\.operationName) == ["gateways"])
        #expect(tracer.activeSpans.isEmpty)
    }

    @Test func aShareOfNothingTracesNothing() async throws {
        try await Rig.run(options(share: 0)) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.final("Good answer.")
            _ = try await browser.turn("r")
        }
        #expect(tracer.finishedSpans.isEmpty)
    }

    /// Stages, such as one that tells other systems, get the trace as W3C's header has it.
    @Test func stagesGetTheTraceparent() async throws {
        let seen = Mutex<[String?]>([])
        let look = ClosureStage(
            handles: StagePaths(inbound: [.chat]),
            onInbound: { message, context, next in
                seen.withLock { $0.append(context.traceparent) }
                try await next(message, context)
            })
        var options = options(stages: [Stage(name: "look", kind: "look", middleware: look)])
        options.traces?.tracer = HeaderTracer()
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Good answer.")
            _ = try await browser.turn("r")
        }
        #expect(seen.withLock { $0 } == [HeaderTracer.traceparent])
    }
}

/// A tracer that records nothing, and whose every span is the same place in the same trace.
private struct HeaderTracer: Tracer {
    static let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> NoOpTracer.NoOpSpan { NoOpTracer.NoOpSpan(context: context()) }

    func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        injector.inject(Self.traceparent, forKey: "traceparent", into: &carrier)
    }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {}

    func forceFlush() {}
}
