import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import Testing

/// What a transform may keep back of a reply while it streams, and how long a piece may be in its hands.
@Suite struct HoldTests {
    /// Answers when the test says so, or never.
    private struct Slow: AsyncReplyTransform {
        let answers: AsyncStream<String>

        mutating func feed(_ text: Substring) async throws -> TextChange {
            for await answer in answers { return .append(answer) }
            throw CancellationError()
        }

        mutating func finish() async throws -> TextChange { .append("") }
    }

    /// Lets text out with the next full stop.
    private struct Sentences: ReplyTransform, AsyncReplyTransform {
        var says: Bool
        private var held = ""

        init(says: Bool) { self.says = says }

        var keptBack: Int? { says ? held.utf8.count : nil }

        mutating func feed(_ text: Substring) -> TextChange {
            held += text
            guard let end = held.lastIndex(of: ".") else { return .append("") }
            defer { held = String(held[held.index(after: end)...]) }
            return .append(held[...end].uppercased())
        }

        mutating func finish() -> TextChange { .append(held.uppercased()) }
        mutating func breakOff() -> TextChange { finish() }
    }

    /// Takes everything out that is not a digit, and keeps nothing.
    private struct Digits: ReplyTransform {
        var keptBack: Int? { 0 }
        mutating func feed(_ text: Substring) -> TextChange { .append(text.filter(\.isNumber)) }
        mutating func finish() -> TextChange { .append("") }
    }

    private func chain(_ policy: FailurePolicy, _ transform: ReplyTransformKind, _ hold: Hold = Hold(bytes: 8)) -> Chain
    {
        let middleware = ClosureMiddleware(handles: StagePaths(replyText: true), transform: { _ in transform })
        return Chain(stages: [stage("s", middleware, onError: policy, hold: hold)], time: ManualTime())
    }

    private func final(_ chain: Chain, _ text: String) async throws -> [String] {
        let texts = Log<String>()
        _ = try await chain.deliver(event(text: text), context: context()) { event, _ in texts.append(event.text) }
        return texts.all
    }

    @Test(arguments: [true, false], [true, false])
    func keepingBackTooMuchEndsTheRunOfAStageThatFailsClosed(says: Bool, awaits: Bool) async throws {
        let sentences = Sentences(says: says)
        let chain = chain(.closed, awaits ? .awaiting(sentences) : .immediate(sentences))
        var reply = chain.makeReplyText(for: run, context: context())
        // As much as one likes may come at once, and stay as long as the rest is let out.
        #expect(try await reply.feedAwaiting(.append("one two three. four")) == .append("ONE TWO THREE."))
        #expect(try await reply.feedAwaiting(.append("xy")) == .append(""))
        await #expect(throws: StageFailure.self) { try await reply.feedAwaiting(.append("seventy")) }
        let figures = chain.stages[0].figures.current
        #expect(figures.timeouts == 1 && figures.errors == 0)
    }

    @Test(arguments: [true, false], [true, false])
    func keepingBackTooMuchTakesAStageOutThatFailsOpen(says: Bool, awaits: Bool) async throws {
        let sentences = Sentences(says: says)
        let chain = chain(.open, awaits ? .awaiting(sentences) : .immediate(sentences))
        var reply = chain.makeReplyText(for: run, context: context())
        #expect(try await reply.feedAwaiting(.append("one")) == .append(""))
        // What it held comes out, and the rest goes by it.
        #expect(try await reply.feedAwaiting(.append(" two three")) == .append("ONE TWO THREE"))
        #expect(try await reply.feedAwaiting(.append(" four.")) == .append(" four."))
        #expect(try await final(chain, "one two three four.") == ["ONE TWO THREE FOUR."])
    }

    @Test func whatAStageHeldOfAReplacementComesOutAsOne() async throws {
        let chain = chain(.open, .awaiting(Sentences(says: true)))
        var reply = chain.makeReplyText(for: run, context: context())
        #expect(try await reply.feedAwaiting(.replace("one. two three")) == .replace("ONE. TWO THREE"))
    }

    /// What is taken out for good is not kept back, if the transform says so.
    @Test func takingTextOutIsNotKeepingItBack() throws {
        let chain = chain(.closed, .immediate(Digits()))
        var reply = chain.makeReplyText(for: run, context: context())
        for _ in 0..<10 { #expect(try reply.feed(.append("no digits")) == .append("")) }
        #expect(try reply.feed(.append("4")) == .append("4"))
    }

    /// A reply that streamed well must not fail at its end.
    @Test(arguments: [true, false])
    func theWholeTextOfAFinalIsNotBounded(awaits: Bool) async throws {
        let sentences = Sentences(says: true)
        let chain = chain(.closed, awaits ? .awaiting(sentences) : .immediate(sentences))
        var reply = chain.makeReplyText(for: run, context: context())
        for _ in 0..<100 { #expect(try await reply.feedAwaiting(.append("abc def.")) == .append("ABC DEF.")) }
        let text = String(repeating: "abc def.", count: 100)
        #expect(try await final(chain, text) == [text.uppercased()])
    }

    @Test(arguments: [FailurePolicy.open, .closed])
    func aPieceThatTakesTooLongFollowsOnError(policy: FailurePolicy) async throws {
        let time = ManualTime()
        let (answers, answer) = AsyncStream<String>.makeStream()
        let middleware = ClosureMiddleware(
            handles: StagePaths(replyText: true), transform: { _ in .awaiting(Slow(answers: answers)) })
        let chain = Chain(
            stages: [stage("slow", middleware, onError: policy, hold: Hold(time: .seconds(5)))], time: time)
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
        case .closed:
            await #expect {
                try await late.value
            } throws: {
                "\($0)".contains("it gave no answer to a piece of a reply within its `hold.time` of 5s")
            }
        case .open: #expect(try await late.value == .append("abc"))
        }
    }
}
