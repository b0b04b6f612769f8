import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import Testing

/// Puts every word that is in the list into capitals. Keeps a word back until it is whole.
struct Capitals: ReplyTransform {
    let words: Set<String>
    var held = ""

    mutating func feed(_ text: Substring) -> TextChange {
        held += text
        guard let end = held.lastIndex(of: " ") else { return .append("") }
        let whole = held[...end]
        held = String(held[held.index(after: end)...])
        return .append(changed(whole))
    }

    mutating func finish() -> TextChange { .append(changed(held[...])) }

    private func changed(_ text: Substring) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false)
            .map { words.contains(String($0)) ? $0.uppercased() : String($0) }.joined(separator: " ")
    }
}

/// Takes back what it let out when it meets `#`, and goes on with what follows.
struct Restart: ReplyTransform {
    mutating func feed(_ text: Substring) -> TextChange {
        guard let mark = text.lastIndex(of: "#") else { return .append(String(text)) }
        return .replace(String(text[text.index(after: mark)...]))
    }

    mutating func finish() -> TextChange { .append("") }
}

/// Takes every `x` out.
struct Without: ReplyTransform {
    mutating func feed(_ text: Substring) -> TextChange { .append(text.filter { $0 != "x" }) }
    mutating func finish() -> TextChange { .append("") }
}

struct Awaiting: AsyncReplyTransform {
    var fails = false
    mutating func feed(_ text: Substring) async throws -> TextChange {
        await Task.yield()
        if fails { throw TestError() }
        return .append(text.uppercased())
    }
    mutating func finish() async throws -> TextChange { .append(".") }
}

func rewriting(_ make: @escaping @Sendable () -> any ReplyTransform) -> ClosureMiddleware {
    ClosureMiddleware(handles: StagePaths(replyText: true), transform: { _ in .immediate(make()) })
}

@Suite struct ReplyTextTests {
    @Test func aReplacementStartsTheTransformsAfresh() throws {
        let chain = Chain(stages: [stage("capitals", rewriting { Capitals(words: ["hello"]) })], time: ManualTime())
        var reply = chain.makeReplyText(for: run, context: context())
        #expect(try reply.feed(.append("hel")) == .append(""))
        #expect(try reply.feed(.replace("hello you ")) == .replace("HELLO you "))
        #expect(try reply.feed(.append("there ")) == .append("there "))
    }

    @Test func eachStageSeesTheTextAsTheStagesAboveLeftIt() async throws {
        let seen = Log<String>()
        func watcher(_ name: String) -> Stage {
            stage(
                name,
                ClosureMiddleware(onOutbound: { event, context, next in
                    seen.append("\(name): \(event.text)")
                    try await next(event, context)
                }))
        }
        let chain = Chain(
            stages: [watcher("above"), stage("without", rewriting { Without() }), watcher("below")], time: ManualTime())
        _ = try await chain.deliver(event(text: "axb"), context: context()) { _, _ in }
        #expect(seen.all == ["above: axb", "below: ab"])
    }

    @Test func aShadowsTextIsThrownAway() async throws {
        let chain = Chain(stages: [stage("without", rewriting { Without() }, mode: .shadow)], time: ManualTime())
        var reply = chain.makeReplyText(for: run, context: context())
        #expect(try reply.feed(.append("axb")) == .append("axb"))
        let final = Log<String>()
        _ = try await chain.deliver(event(text: "axb"), context: context()) { event, _ in final.append(event.text) }
        #expect(final.all == ["axb"])
    }

    @Test func awaitingTransformsWorkBesideImmediateOnes() async throws {
        let awaiting = ClosureMiddleware(
            handles: StagePaths(replyText: true), transform: { _ in .awaiting(Awaiting()) })
        let chain = Chain(
            stages: [stage("without", rewriting { Without() }), stage("slow", awaiting)], time: ManualTime())
        var reply = chain.makeReplyText(for: run, context: context())
        #expect(reply.isAwaiting)
        #expect(try await reply.feedAwaiting(.append("axb")) == .append("AB"))
        let final = Log<String>()
        _ = try await chain.deliver(event(text: "axb"), context: context()) { event, _ in final.append(event.text) }
        #expect(final.all == ["AB."])
    }

    @Test(arguments: [FailurePolicy.open, .closed])
    func anAwaitingTransformThatFails(policy: FailurePolicy) async throws {
        let failing = ClosureMiddleware(
            handles: StagePaths(replyText: true), transform: { _ in .awaiting(Awaiting(fails: true)) })
        let chain = Chain(stages: [stage("slow", failing, onError: policy)], time: ManualTime())
        var reply = chain.makeReplyText(for: run, context: context())
        if policy == .open {
            #expect(try await reply.feedAwaiting(.append("a")) == .append("a"))
        } else {
            await #expect(throws: StageFailure.self) { try await reply.feedAwaiting(.append("a")) }
            await #expect(throws: StageFailure.self) {
                try await chain.deliver(event(), context: context()) { _, _ in }
            }
        }
    }

    @Test func aConditionKeepsAStageFromTheText() throws {
        let other = stage(
            "without", rewriting { Without() }, condition: condition("agent == other"))
        let chain = Chain(stages: [other], time: ManualTime())
        var reply = chain.makeReplyText(for: run, context: context())
        #expect(try reply.feed(.append("axb")) == .append("axb"))
    }

    /// The kind of the whole event must not make a difference to its text: the browsers have seen the deltas.
    @Test(arguments: ["kind == final", "kind == delta", "direction == outbound", "text-size > 2"])
    func aConditionOnTheKindKeepsTheTextLaw(words: String) async throws {
        let chain = Chain(
            stages: [stage("without", rewriting { Without() }, condition: condition(words))], time: ManualTime())
        var reply = chain.makeReplyText(for: run, context: context())
        let streamed = try reply.feed(.append("axb"))
        let texts = Log<String>()
        _ = try await chain.deliver(event(text: "axb"), context: context()) { event, _ in texts.append(event.text) }
        #expect(streamed == .append(texts.all.first ?? ""))
        #expect(texts.all == [words == "kind == delta" || words == "direction == outbound" ? "ab" : "axb"])
    }
}
