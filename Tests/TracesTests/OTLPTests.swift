import InMemoryLogging
import JSON
import Logging
import MiddlewareKit
import MiddlewareTesting
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing
import Traces
import Tracing

@Suite struct OTLPTests {
    private let queue = SpanQueue(capacity: 10)
    private let time = ManualTime()

    private let log = InMemoryLogHandler()

    private func exporter(_ send: @escaping OTLPExporter.Send) -> OTLPExporter {
        OTLPExporter(
            queue: queue, service: "sluice", version: "1.2.3", time: time,
            logger: Logger(label: "test") { [log] _ in log }, send: send)
    }

    /// What an exporter sends of the queue.
    private func sent() async throws -> JSONValue {
        let bodies = Mutex<[ByteBuffer]>([])
        let exporter = exporter { body in
            bodies.withLock { $0.append(body) }
            return .accepted
        }
        #expect(await exporter.export() == nil)
        return try JSONValue(parsing: try #require(bodies.withLock { $0.first }))
    }

    @Test func spansAreWrittenAsTheSpecificationSays() async throws {
        let tracer = OTLPTracer(queue: queue)
        let message = tracer.startSpan("chat", context: .topLevel, ofKind: .server)
        let stage = tracer.startSpan("persist", context: message.context, ofKind: .internal)
        stage.end()
        message.updateAttributes { attributes in
            attributes["text"] = SpanAttribute.string("a \"b\"")
            attributes["number"] = SpanAttribute.int(7)
            attributes["yes"] = SpanAttribute.bool(true)
        }
        message.addEvent("first text")
        message.setStatus(SpanStatus(code: .error, message: "timeout"))
        message.end()
        message.end()

        let body = try await sent()
        let resource = body["resourceSpans"]?[0]
        #expect(
            resource?["resource"]?["attributes"]?[0] == ["key": "service.name", "value": ["stringValue": "sluice"]])
        let spans = try #require(resource?["scopeSpans"]?[0]?["spans"]?.array)
        #expect(spans.map { $0["name"] } == ["persist", "chat"])
        let (child, parent) = (spans[0], spans[1])
        #expect(child["traceId"] == parent["traceId"])
        #expect(child["parentSpanId"] == parent["spanId"])
        #expect(parent["parentSpanId"] == nil)
        #expect(parent["traceId"]?.string?.utf8.count == 32)
        #expect(parent["spanId"]?.string?.utf8.count == 16)
        #expect(child["kind"] == 1 && parent["kind"] == 2)
        #expect(parent["status"] == ["code": 2, "message": "timeout"])
        #expect(parent["events"]?[0]?["name"] == "first text")
        #expect(
            parent["attributes"] == [
                ["key": "number", "value": ["intValue": "7"]], ["key": "text", "value": ["stringValue": "a \"b\""]],
                ["key": "yes", "value": ["boolValue": true]],
            ])
        let start = try #require(parent["startTimeUnixNano"]?.string.flatMap { UInt64($0) })
        let end = try #require(parent["endTimeUnixNano"]?.string.flatMap { UInt64($0) })
        #expect(start <= end && start > 1_700_000_000_000_000_000)
    }

    @Test func theQueueIsBounded() {
        let tracer = OTLPTracer(queue: queue)
        for _ in 0..<25 { tracer.startSpan("chat", context: .topLevel).end() }
        #expect(queue.count == 10)
    }

    @Test func aCollectorThatIsAwayIsTriedAgainAndOneThatRefusesIsNot() async {
        let tracer = OTLPTracer(queue: queue)
        tracer.startSpan("chat", context: .topLevel).end()
        #expect(await exporter { _ in .busy("away") }.export() == "away")
        #expect(queue.count == 1)
        #expect(await exporter { _ in .refused("400") }.export() == nil)
        #expect(queue.count == 0)
    }

    /// The rest is gone, and is told of: at once, then once a minute.
    @Test func whatACollectorRefusesInPartIsDropped() async {
        let tracer = OTLPTracer(queue: queue)
        let exporter = exporter { _ in .partlyRefused(2, "too old") }
        for _ in 0..<3 {
            for _ in 0..<3 { tracer.startSpan("chat", context: .topLevel).end() }
            #expect(await exporter.export() == nil)
            #expect(queue.count == 0)
            time.advance(by: .seconds(30))
        }
        #expect(
            log.entries.map(\.message) == [
                "the trace collector refused 2 spans: too old", "the trace collector refused 4 spans: too old",
            ])
    }

    @Test func whatWaitsAtTheEndIsSent() async throws {
        let tracer = OTLPTracer(queue: queue)
        let calls = Mutex(0)
        let exporter = exporter { _ in
            calls.withLock { $0 += 1 }
            return .accepted
        }
        let task = Task { await exporter.run() }
        await time.waitForSleepers()
        tracer.startSpan("one", context: .topLevel).end()
        time.advance(by: .seconds(2))
        await time.waitForSleepers()
        #expect(calls.withLock { $0 } == 1)
        tracer.startSpan("two", context: .topLevel).end()
        task.cancel()
        await task.value
        #expect(calls.withLock { $0 } == 2)
    }

    /// One line for each change, not for each try, and one for what is lost at last.
    @Test func aCollectorThatIsAwayIsToldOf() async throws {
        let tracer = OTLPTracer(queue: queue)
        let isAway = Mutex(true)
        let exporter = exporter { _ in isAway.withLock { $0 } ? .busy("refused") : .accepted }
        let task = Task { await exporter.run() }
        tracer.startSpan("one", context: .topLevel).end()
        // The pause doubles while it is away.
        for seconds in [2, 4] {
            await time.waitForSleepers()
            time.advance(by: .seconds(seconds))
        }
        await time.waitForSleepers()
        #expect(log.entries.map(\.message) == ["traces wait for their collector: refused"])
        isAway.withLock { $0 = false }
        time.advance(by: .seconds(8))
        await time.waitForSleepers()
        #expect(log.entries.last?.message == "the trace collector answers again")
        isAway.withLock { $0 = true }
        tracer.startSpan("two", context: .topLevel).end()
        task.cancel()
        await task.value
        #expect(log.entries.last?.message == "1 spans are lost, as the trace collector cannot take them: refused")
    }

    private struct Headers: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }

    @Test func theTraceIsHandedOnAsTraceparent() throws {
        let tracer = OTLPTracer(queue: queue)
        var header: [String: String] = [:]
        tracer.inject(tracer.startSpan("chat", context: .topLevel).context, into: &header, using: Headers())
        let traceparent = try #require(header["traceparent"])
        var context = InstrumentationContext.topLevel
        tracer.extract(header, into: &context, using: Headers())
        var again: [String: String] = [:]
        tracer.inject(context, into: &again, using: Headers())
        #expect(again["traceparent"] == traceparent)
    }

    @Test(arguments: [
        "", "00", "00-0-0-01", "ff-00000000000000000000000000000001-0000000000000001-01",
        "00-00000000000000000000000000000000-0000000000000001-01",
        "00-0000000000000000000000000000000G-0000000000000001-01",
        "00-+0000000000000000000000000000001-0000000000000001-01",
    ])
    func whatIsNoTraceparentIsIgnored(text: String) {
        var context = InstrumentationContext.topLevel
        OTLPTracer(queue: queue).extract(["traceparent": text], into: &context, using: Headers())
        var header: [String: String] = [:]
        OTLPTracer(queue: queue).inject(context, into: &header, using: Headers())
        #expect(header.isEmpty)
    }

    /// Over a real socket: the method, the headers, and what the answers mean.
    @Test(arguments: [200, 503, 429, 400])
    func theClientPostsJSON(status: Int) async throws {
        let collector = try await Collector(status: status)
        let client = OTLPClient(
            url: "http://127.0.0.1:\(collector.port)/v1/traces", headers: ["X-Key": Secret("hush")],
            group: .singleton)
        let outcome = await client.post(ByteBuffer(string: "{}"))
        switch status {
        case 200: #expect(outcome == .accepted)
        case 400: #expect(outcome == .refused("it answered 400"))
        default: #expect(outcome == .busy("it answered \(status)"))
        }
        let head = try #require(await collector.heads.first { _ in true })
        #expect(head.method == .POST && head.uri == "/v1/traces")
        #expect(head.headers["Content-Type"] == ["application/json"])
        #expect(head.headers["X-Key"] == ["hush"])
        try await client.shutdown()
        try await collector.channel.close()
        #expect(await Self.absence("http://127.0.0.1:1/") == .busy("connection refused"))
        let mute = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { $0.close() }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = mute.localAddress?.port ?? 0
        let closed = await Self.absence("http://127.0.0.1:\(port)/")
        // Which of them depends on who is quicker.
        let words = ["it closed the connection before it answered", "connection reset by peer"]
        #expect(words.contains { closed == .busy($0) }, "\(closed)")
        try await mute.close()
    }

    private static let partlyRefusing: [(String, OTLPExporter.Outcome)] = [
        (#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too\nold"}}"#, .partlyRefused(2, "too old")),
        (#"{"partialSuccess":{"rejectedSpans":7}}"#, .partlyRefused(7, "it does not say why")),
        (#"{"partialSuccess":{"rejectedSpans":"0","errorMessage":"slow down"}}"#, .accepted),
        (#"{"partialSuccess":{}}"#, .accepted), ("{}", .accepted), ("thanks", .accepted),
    ]

    @Test(arguments: partlyRefusing)
    func whatIsRefusedInPartIsRead(answer: String, expected: OTLPExporter.Outcome) async throws {
        let collector = try await Collector(status: 200, answer: answer)
        let client = OTLPClient(url: "http://127.0.0.1:\(collector.port)/", headers: [:], group: .singleton)
        #expect(await client.post(ByteBuffer(string: "{}")) == expected)
        try await client.shutdown()
        try await collector.channel.close()
    }

    /// What comes of a post where nobody answers.
    private static func absence(_ url: String) async -> OTLPExporter.Outcome {
        let client = OTLPClient(url: url, headers: [:], group: .singleton)
        let outcome = await client.post(ByteBuffer(string: "{}"))
        try? await client.shutdown()
        return outcome
    }
}

/// Answers every request with the same.
private struct Collector {
    let channel: any Channel
    let heads: AsyncStream<HTTPRequestHead>

    var port: Int { channel.localAddress?.port ?? 0 }

    init(status: Int, answer: String = "") async throws {
        let (heads, continuation) = AsyncStream<HTTPRequestHead>.makeStream()
        self.heads = heads
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        Handler(status: status, answer: answer, continuation: continuation))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        let status: Int
        let answer: String
        let continuation: AsyncStream<HTTPRequestHead>.Continuation

        init(status: Int, answer: String, continuation: AsyncStream<HTTPRequestHead>.Continuation) {
            self.status = status
            self.answer = answer
            self.continuation = continuation
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): continuation.yield(head)
            case .body: break
            case .end:
                let head = HTTPResponseHead(
                    version: .http1_1, status: .init(statusCode: status),
                    headers: ["Content-Length": "\(answer.utf8.count)"])
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
