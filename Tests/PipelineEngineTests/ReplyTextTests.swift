import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import Testing

/// Puts every word that is in the list into capitals. Keeps a word back until it is whole.
private struct Capitals: ReplyTransform {
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
private struct Restart: ReplyTransform {
    mutating func feed(_ text: Substring) -> TextChange {
        guard let mark = text.lastIndex(of: "#") else { return .append(String(text)) }
        return .replace(String(text[text.index(after: mark)...]))
    }

    mutating func finish() -> TextChange { .append("") }
}

/// Takes every `x` out.
private struct Without: ReplyTransform {
    mutating func feed(_ text: Substring) -> TextChange { .append(text.filter { $0 != "x" }) }
    mutating func finish() -> TextChange { .append("") }
}

private struct Awaiting: AsyncReplyTransform {
    var fails = false
    mutating func feed(_ text: Substring) async throws -> TextChange {
        await Task.yield()
        if fails { throw TestError() }
        return .append(text.uppercased())
    }
    mutating func finish() async throws -> TextChange { .append(".") }
}

private func rewriting(_ make: @escaping @Sendable () -> any ReplyTransform) -> ClosureMiddleware {
    ClosureMiddleware(handles: StagePaths(replyText: true), transform: { _ in .immediate(make()) })
}

@Suite struct ReplyTextTests {
    private static let kinds: [@Sendable () -> any ReplyTransform] = [
        { Capitals(words: ["a", "hello", "#b"]) }, { Restart() }, { Without() },
    ]

    /// What was streamed is the start of the text of the final, but for transforms that take back what they let out; and
    /// it does not depend on where the text was cut.
    @Test(arguments: 0..<300)
    func deltasJoinedAreTheTextOfTheFinal(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let picks = (0..<Int.random(in: 0...4, using: &random)).map { _ in Int.random(in: 0...2, using: &random) }
        let stages = picks.enumerated().map { index, pick in stage("s\(index)", rewriting(Self.kinds[pick])) }
        let words = ["hello", "a", "x", "#b", "#", " ", " ", "über", "👩‍👩‍👧", "\n"]
        let text = (0..<Int.random(in: 0...40, using: &random)).map { _ in words.randomElement(using: &random)! }
            .joined()
        let chain = Chain(stages: stages, time: ManualTime())

        var reply = chain.makeReplyText(for: run, context: context())
        var visible = ""
        var rest = text[...]
        while !rest.isEmpty {
            let piece = rest.unicodeScalars.prefix(Int.random(in: 1...5, using: &random))
            visible.apply(reply.feed(.append(String(piece))))
            rest = rest[piece.endIndex...]
        }
        let final = Log<String>()
        _ = try await chain.deliver(event(text: text), context: context()) { event, _ in final.append(event.text) }
        let whole = try #require(final.all.first)
        // Only a held tail may be missing.
        if !picks.contains(1) { #expect(whole.utf8.starts(with: visible.utf8)) }

        var again = ""
        var inOne = chain.makeReplyText(for: run, context: context())
        again.apply(inOne.feed(.append(text)))
        #expect(again == visible)
    }

    @Test func aReplacementStartsTheTransformsAfresh() {
        let chain = Chain(stages: [stage("capitals", rewriting { Capitals(words: ["hello"]) })], time: ManualTime())
        var reply = chain.makeReplyText(for: run, context: context())
        #expect(reply.feed(.append("hel")) == .append(""))
        #expect(reply.feed(.replace("hello you ")) == .replace("HELLO you "))
        #expect(reply.feed(.append("there ")) == .append("there "))
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
        #expect(reply.feed(.append("axb")) == .append("axb"))
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

    @Test func aConditionKeepsAStageFromTheText() {
        let other = stage(
            "without", rewriting { Without() }, condition: condition("agent == other"))
        let chain = Chain(stages: [other], time: ManualTime())
        var reply = chain.makeReplyText(for: run, context: context())
        #expect(reply.feed(.append("axb")) == .append("axb"))
    }

    /// The kind of the whole event must not make a difference to its text: the browsers have seen the deltas.
    @Test(arguments: ["kind == final", "kind == delta", "direction == outbound", "text-size > 2"])
    func aConditionOnTheKindKeepsTheTextLaw(words: String) async throws {
        let chain = Chain(
            stages: [stage("without", rewriting { Without() }, condition: condition(words))], time: ManualTime())
        var reply = chain.makeReplyText(for: run, context: context())
        let streamed = reply.feed(.append("axb"))
        let texts = Log<String>()
        _ = try await chain.deliver(event(text: "axb"), context: context()) { event, _ in texts.append(event.text) }
        #expect(streamed == .append(texts.all.first ?? ""))
        #expect(texts.all == [words == "kind == delta" || words == "direction == outbound" ? "ab" : "axb"])
    }
}
