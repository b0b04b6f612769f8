import Logging
import MiddlewareKit
import Testing

@testable import Stages

@Suite struct ThinkingStripTests {
    private static let run = Run(
        id: "run", gateway: "home", sessionKey: "agent:main:main", startedAt: Timestamp(milliseconds: 0))

    /// The blocks that are left of an event.
    private func blocks(after kind: EventKind, _ options: ThinkingStripOptions) async throws -> [ContentBlock] {
        let image = ContentBlock.other(json: #"{"type":"image"}"#)
        let event = OutboundEvent(
            kind: kind, run: Self.run, blocks: [.thinking("a"), image, .thinking("b")],
            timestamp: Timestamp(milliseconds: 0))
        // Called once, on the task of the test.
        nonisolated(unsafe) var passed: [OutboundEvent] = []
        let context = MessageContext(id: "1", logger: Logger(label: "test"))
        try await ThinkingStrip(options).outbound(event, context: context) { event, _ in passed.append(event) }
        return try #require(passed.count == 1 ? passed[0].blocks : nil)
    }

    @Test(arguments: [EventKind.final, .aborted, .error])
    func `thinking blocks are dropped, and others stay`(kind: EventKind) async throws {
        #expect(try await blocks(after: kind, ThinkingStripOptions()) == [.other(json: #"{"type":"image"}"#)])
    }

    @Test func `thinking blocks can be kept`() async throws {
        #expect(try await blocks(after: .final, ThinkingStripOptions(blocks: .keep)).count == 3)
    }

    @Test func `it takes part only where it has something to do`() {
        #expect(ThinkingStrip().handles == StagePaths(outbound: [.final, .aborted, .error], replyText: true))
        #expect(ThinkingStrip(ThinkingStripOptions(blocks: .keep)).handles == StagePaths(replyText: true))
    }

    @Test func `each run gets a filter of its own, with the options of the stage`() throws {
        let stage = ThinkingStrip(ThinkingStripOptions(mode: .preserve))
        for _ in 0..<2 {
            guard case .immediate(var filter) = try #require(stage.makeReplyTransform(for: Self.run)) else {
                Issue.record("it need not wait for anything")
                return
            }
            #expect(filter.feed("a<think>b") == .append("a"))
            #expect(filter.finish() == .append("b"))
        }
    }

    @Test func `it never fails open`() {
        #expect(ThinkingStripPlugin.kind == "thinking-strip")
        #expect(ThinkingStripPlugin.defaultOnError == .closed)
        #expect(!ThinkingStripPlugin.mayFailOpen)
        #expect(ThinkingStripPlugin.defaultTimeout == nil)
    }
}
