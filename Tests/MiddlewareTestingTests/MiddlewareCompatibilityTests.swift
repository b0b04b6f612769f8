import MiddlewareKit
import MiddlewareTesting
import Testing

@Suite struct MiddlewareCompatibilityTests {
    private struct PassThrough: Middleware {}

    private struct Swallows: Middleware {
        let handles = StagePaths()
        func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {}
    }

    private struct Hides: Middleware {
        struct Other: Error {}
        func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
            do { try await next(message, context) } catch { throw Other() }
        }
    }

    /// Counts pieces, so that the text depends on how it was cut.
    private struct Breaks: Middleware {
        struct Marks: ReplyTransform {
            mutating func feed(_ text: Substring) -> TextChange { .append("|" + text) }
            mutating func finish() -> TextChange { .append("") }
        }
        func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .immediate(Marks()) }
    }

    @Test func aStageThatDoesNothingKeepsAllPromises() async {
        #expect(await MiddlewareCompatibility.violations(of: PassThrough()) == [])
    }

    @Test func brokenPromisesAreFound() async {
        let swallowed = await MiddlewareCompatibility.violations(of: Swallows())
        #expect(swallowed.contains { $0.contains("was not passed on") })
        let hidden = await MiddlewareCompatibility.violations(of: Hides())
        #expect(hidden.contains { $0.contains("an error of a later stage") })
        let cut = await MiddlewareCompatibility.violations(of: Breaks())
        #expect(cut.contains { $0.contains("the text law") })
    }

    @Test func splitsJoinedAreTheText() {
        let text = "e\u{301} 👩‍👩‍👧\r\n x"
        for pieces in DeltaSplitter.splits(of: text) {
            #expect(Array(pieces.joined().utf8) == Array(text.utf8))
        }
    }
}
