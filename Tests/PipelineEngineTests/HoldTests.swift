import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import Testing

/// What may wait for a transform that asks somebody about each piece of text.
@Suite struct HoldTests {
    /// Answers when the test says so, or never.
    private struct Slow: AsyncReplyTransform {
        let answers: AsyncStream<String>?

        mutating func feed(_ text: Substring) async throws -> TextChange {
            guard let answers else { return .append(text.uppercased()) }
            for await answer in answers { return .append(answer) }
            throw CancellationError()
        }

        mutating func finish() async throws -> TextChange { .append("") }
    }

    private func chain(_ time: ManualTime, _ policy: FailurePolicy, _ hold: Hold, answers: AsyncStream<String>?)
        -> Chain
    {
        let middleware = ClosureMiddleware(
            handles: StagePaths(replyText: true), transform: { _ in .awaiting(Slow(answers: answers)) })
        return Chain(
            stages: [Stage(name: "slow", kind: "test", middleware: middleware, onError: policy, hold: hold)], time: time
        )
    }

    @Test(arguments: [FailurePolicy.open, .closed])
    func aPieceThatIsTooLargeFollowsOnError(policy: FailurePolicy) async throws {
        let chain = chain(ManualTime(), policy, Hold(bytes: 4), answers: nil)
        var reply = chain.makeReplyText(for: run, context: context())
        #expect(try await reply.feedAwaiting(.append("abcd")) == .append("ABCD"))
        switch policy {
        case .closed:
            await #expect(throws: StageFailure.self) { try await reply.feedAwaiting(.append("abcde")) }
            await #expect(throws: StageFailure.self) {
                try await chain.deliver(event(text: "abcde"), context: context()) { _, _ in }
            }
        case .open:
            #expect(try await reply.feedAwaiting(.append("abcde")) == .append("abcde"))
            // The rest of the run goes by the stage.
            #expect(try await reply.feedAwaiting(.append("x")) == .append("x"))
            let texts = Log<String>()
            _ = try await chain.deliver(event(text: "abcde"), context: context()) { event, _ in texts.append(event.text)
            }
            #expect(texts.all == ["abcde"])
        }
        #expect(chain.stages[0].figures.current.timeouts == 1)
    }

    @Test(arguments: [FailurePolicy.open, .closed])
    func aPieceThatTakesTooLongFollowsOnError(policy: FailurePolicy) async throws {
        let time = ManualTime()
        let (answers, answer) = AsyncStream<String>.makeStream()
        let chain = chain(time, policy, Hold(time: .seconds(5)), answers: answers)
        let reply = chain.makeReplyText(for: run, context: context())
        answer.yield("in time")
        var first = reply
        #expect(try await first.feedAwaiting(.append("abc")) == .append("in time"))
        let late = Task {
            var reply = reply
            return try await reply.feedAwaiting(.append("abc"))
        }
        await time.waitForSleepers(1)
        time.advance(by: .seconds(5))
        switch policy {
        case .closed: await #expect(throws: StageFailure.self) { try await late.value }
        case .open: #expect(try await late.value == .append("abc"))
        }
    }
}
