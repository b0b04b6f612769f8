import BrowserEndpoint
import JSON
import MiddlewareKit
import NIOCore
import NIOPosix
import OpenClawTesting
import PipelineEngine
import Stages
import Storage
import Testing

/// `POST /api/pipeline/trace`, with a real client that reads while it goes on.
@Suite(.timeLimit(.minutes(1))) struct MessageTraceTests {
    private static let path = "/api/pipeline/trace"

    /// Adds an exclamation mark to messages.
    private static let adds = Stage.inbound(.chat) { message, context, next in
        var message = message
        message.text += "!"
        try await next(message, context)
    }

    private static func options(_ stage: Stage = adds) -> Rig.Options {
        var options = Rig.Options()
        options.stages = [stage]
        return options
    }

    @Test func onlyAdministratorsMayTrace() async throws {
        var options = Rig.Options()
        options.auth = .apiKeys
        try await Rig.run(options) { rig in
            #expect(try await rig.http("POST", Self.path).status == 401)
            let user = try await rig.database.createKey(user: "ada", isAdministrator: false).text
            let refused = try await rig.http("POST", Self.path, headers: [("Authorization", "Bearer \(user)")])
            #expect(refused.status == 403 && refused.errorCode == "forbidden")
            let key = try await rig.database.createKey(user: "eve", isAdministrator: true).text
            let trace = try await TraceReader.open(rig, headers: "Authorization: Bearer \(key)\r\n")
            #expect(trace.status == 200)
            await trace.close()
        }
    }

    @Test(arguments: [
        (#"{"when":"nonsense"}"#, "`when`"), (#"{"seconds":0}"#, "1 to 600"), (#"{"seconds":601}"#, "1 to 600"),
        (#"{"colour":1}"#, "colour"), (#"{"text":"yes"}"#, "`text` must be true or false"), ("[]", "object"),
    ])
    func whatIsWrongIsSaid(body: String, words: String) async throws {
        try await Rig.run { rig in
            let answer = try await rig.http("POST", Self.path, body: body)
            #expect(answer.status == 400 && answer.errorCode == "bad_request")
            #expect(answer.text.contains(words), "\(answer.text)")
        }
    }

    @Test func aChatIsFollowedThroughTheStagesAndItsAnswer() async throws {
        try await Rig.run(Self.options()) { rig in
            let trace = try await TraceReader.open(rig, body: #"{"when":"kind == chat and text == hello"}"#)
            let browser = try await rig.browser()
            browser.chat("other", run: "other")
            await (try await rig.gateway.nextRun()).final("no")
            browser.chat("hello", run: "hello")
            await (try await rig.gateway.nextRun()).final("<think>hm</think>yes")
            let lines = await trace.lines()
            #expect(lines.first?["outcome"] == "entered" && lines.first?["kind"] == "chat")
            #expect(lines.last?["outcome"] == "arrived" && lines.last?["kind"] == "final")
            // Where it entered says which chain it is; a status of the run may enter too.
            let chains = lines.filter { $0["outcome"] == "entered" }.map { $0["chain"] }
            #expect(chains.count >= 2 && chains.allSatisfy { $0 == "pipeline" })
            #expect(lines.filter { $0["outcome"] != "entered" }.allSatisfy { $0["chain"] == nil })
            let added = lines.first { $0["stage"] == "test" }
            #expect(added?["outcome"] == "passed")
            #expect(added?["tookMicroseconds"] != nil)
            #expect(added?["change"] == ["at": 5, "removed": 0, "added": 1])
            let stripped = lines.first { $0["outcome"] == "rewrote" }
            #expect(stripped?["stage"] == "thinking-strip" && stripped?["change"]?["removed"] == 17)
            // Nothing of what was said is in it.
            #expect(!lines.contains { line in "\(line)".contains("hello") || "\(line)".contains("yes") })
        }
    }

    /// Both conditions hold for the answer too, but that belongs to the chat.
    @Test func twoThatWaitForTheSameGetOneChatEach() async throws {
        try await Rig.run(Self.options()) { rig in
            let body = #"{"when":"kind in [chat, final]"}"#
            let traces = [try await TraceReader.open(rig, body: body), try await TraceReader.open(rig, body: body)]
            let browser = try await rig.browser()
            for (number, trace) in traces.enumerated() {
                browser.chat("hello", run: "run-\(number)")
                await (try await rig.gateway.nextRun()).final("yes")
                let lines = await trace.lines()
                #expect(lines.first?["outcome"] == "entered" && lines.first?["kind"] == "chat")
                #expect(lines.last?["outcome"] == "arrived" && lines.last?["kind"] == "final")
            }
        }
    }

    @Test func theTextIsShownToThoseWhoAsk() async throws {
        try await Rig.run(Self.options()) { rig in
            let trace = try await TraceReader.open(rig, body: #"{"text":true,"when":"kind == chat"}"#)
            let browser = try await rig.browser()
            browser.chat("hello")
            await (try await rig.gateway.nextRun()).final("yes")
            let added = await trace.lines().first { $0["stage"] == "test" }
            #expect(added?["change"] == ["at": 5, "removed": "", "added": "!"])
        }
    }

    @Test func aRejectionIsShownWithItsWords() async throws {
        let rejects = Stage.inbound(.chat) { _, _, _ in throw Rejection(code: "no", message: "Say please.") }
        try await Rig.run(Self.options(rejects)) { rig in
            let trace = try await TraceReader.open(rig, body: #"{"when":"kind == chat"}"#)
            try await rig.browser().chat("hello")
            let last = await trace.lines().last
            #expect(last?["outcome"] == "rejected" && last?["code"] == "no" && last?["message"] == "Say please.")
            #expect(last?["tookMicroseconds"] != nil)
        }
    }

    /// Whoever names no condition wants to see a conversation, not the calls that a page makes of itself.
    @Test func aTraceWithoutConditionFollowsTheNextChat() async throws {
        try await Rig.run(Self.options()) { rig in
            let trace = try await TraceReader.open(rig)
            #expect(try await rig.http("GET", "/api/pipeline").status == 200)
            let browser = try await rig.browser()
            try await browser.subscribe()
            browser.chat("hello")
            await (try await rig.gateway.nextRun()).final("yes")
            let lines = await trace.lines()
            #expect(lines.first?["outcome"] == "entered" && lines.first?["kind"] == "chat")
            #expect(lines.last?["outcome"] == "arrived" && lines.last?["kind"] == "final")
        }
    }

    @Test(arguments: [FailurePolicy.open, .closed])
    func aStageThatFailsWhileAReplyStreamsIsTold(policy: FailurePolicy) async throws {
        let stage = Stage(name: "test", kind: "test", middleware: Failing(), onError: policy)
        try await Rig.run(Self.options(stage)) { rig in
            let trace = try await TraceReader.open(rig)
            let browser = try await rig.browser()
            browser.chat("hello")
            let run = try await rig.gateway.nextRun()
            for piece in ["one", " two"] { await run.delta(piece) }
            await run.final("one two")
            _ = try await browser.turn("r")
            let lines = await trace.lines()
            let told = lines.filter { $0["kind"] == "delta" }
            #expect(told == [["direction": "outbound", "kind": "delta", "stage": "test", "outcome": "failed"]])
            #expect(lines.last?["outcome"] == "arrived")
            #expect(lines.last?["kind"] == (policy == .open ? "final" : "error"))
        }
    }

    @Test func aTraceThatNothingFitsSaysSo() async throws {
        try await Rig.run { rig in
            let trace = try await TraceReader.open(rig, body: #"{"when":"user == nobody"}"#)
            try await rig.browser().chat("hello")
            _ = try await rig.gateway.nextRun()
            await rig.hub.expireTraces()
            #expect(
                await trace.lines() == [
                    ["outcome": "expired", "message": "No message came for which the condition holds."]
                ])
        }
    }

    @Test func aTraceThatIsNotAtItsEndSaysSo() async throws {
        try await Rig.run(Self.options()) { rig in
            let trace = try await TraceReader.open(rig, body: #"{"when":"kind == chat"}"#)
            try await rig.browser().chat("hello")
            _ = try await rig.gateway.nextRun()
            await rig.hub.expireTraces()
            let lines = await trace.lines()
            #expect(lines.first?["outcome"] == "entered")
            #expect(lines.last == ["outcome": "expired", "message": "The time was over before the conversation was."])
        }
    }

    @Test func aShadowIsToldAsWhatItWouldHaveDone() async throws {
        let refuses = ClosureStage(
            handles: StagePaths(inbound: [.chat]),
            onInbound: { _, _, _ in throw Rejection(code: "no", message: "Say please.") })
        let shadow = Stage(name: "trial", kind: "test", middleware: refuses, mode: .shadow)
        try await Rig.run(Self.options(shadow)) { rig in
            let trace = try await TraceReader.open(rig, body: #"{"when":"kind == chat"}"#)
            try await rig.browser().chat("hello")
            await (try await rig.gateway.nextRun()).final("yes")
            let lines = await trace.lines()
            let told = lines.first { $0["stage"] == "trial" }
            #expect(told?["shadow"] == true && told?["outcome"] == "would-have-rejected" && told?["code"] == "no")
            #expect(lines.contains { $0["kind"] == "final" && $0["outcome"] == "arrived" })
        }
    }

    /// Somebody who goes away leaves room for others.
    @Test func soManyTracesMayWait() async throws {
        try await Rig.run { rig in
            // For which none of the calls here is a message.
            let body = #"{"when":"kind == abort"}"#
            var traces: [TraceReader] = []
            for _ in 0..<16 { traces.append(try await TraceReader.open(rig, body: body)) }
            #expect(traces.allSatisfy { $0.status == 200 })
            let refused = try await rig.http("POST", Self.path, body: body)
            #expect(refused.status == 429 && refused.errorCode == "rate_limited")
            await traces[7].close()
            var next = try await TraceReader.open(rig, body: body)
            while next.status == 429 { next = try await TraceReader.open(rig, body: body) }
            #expect(next.status == 200)
            for trace in traces + [next] { await trace.close() }
        }
    }
}

/// Fails on every piece of a reply that streams.
private struct Failing: Middleware, AsyncReplyTransform {
    let handles = StagePaths(replyText: true)

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .awaiting(self) }
    func feed(_ text: Substring) async throws -> TextChange { throw Broken() }
    func finish() async throws -> TextChange { .append("") }
}

/// One call that is answered line by line.
private struct TraceReader {
    let status: Int
    private let channel: any Channel
    private let chunks: AsyncStream<String>

    /// Sends the call, and returns once the head of the answer is there: the trace waits.
    static func open(_ rig: Rig, headers: String = "", body: String = "") async throws -> TraceReader {
        let (chunks, continuation) = AsyncStream<String>.makeStream()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Forwarder(chunks: continuation))
                }
            }
            .connect(host: "127.0.0.1", port: rig.port).get()
        let request =
            "POST /api/pipeline/trace HTTP/1.1\r\nHost: 127.0.0.1:\(rig.port)\r\n\(headers)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        try await channel.writeAndFlush(ByteBuffer(string: request))
        let head = await chunks.first { _ in true } ?? ""
        return TraceReader(
            status: head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0, channel: channel,
            chunks: chunks)
    }

    /// All of the answer, which is sent in chunks of a line each.
    func lines() async -> [JSONValue] {
        var text = ""
        for await chunk in chunks {
            text += chunk
            if text.hasSuffix("0\r\n\r\n") { break }
        }
        await close()
        return text.split(whereSeparator: \.isNewline).compactMap { line in
            line.hasPrefix("{") ? try? JSONValue(parsing: ByteBuffer(string: String(line))) : nil
        }
    }

    func close() async { try? await channel.close() }
}

private final class Forwarder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let chunks: AsyncStream<String>.Continuation

    init(chunks: AsyncStream<String>.Continuation) { self.chunks = chunks }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        chunks.yield(String(buffer: unwrapInboundIn(data)))
    }

    func channelInactive(context: ChannelHandlerContext) { chunks.finish() }
}
