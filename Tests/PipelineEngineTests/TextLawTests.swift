import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import Testing

/// The text law for chains that are put together at random, as a browser sees it: the deltas of a run, joined, are the text of
/// its final, however they were cut, whatever other runs do meanwhile.
@Suite struct TextLawTests {
    /// A transform, and what it makes of a whole text.
    private struct Kind: Sendable {
        let make: @Sendable () -> ReplyTransformKind
        let whole: @Sendable (String) -> String
        /// It never takes back what it let out.
        var onlyAppends = true
    }

    private static let words: Set<String> = ["a", "hello", "#b"]

    private static let kinds = [
        Kind(
            make: { .immediate(Capitals(words: words)) },
            whole: { text in
                text.split(separator: " ", omittingEmptySubsequences: false)
                    .map { words.contains(String($0)) ? $0.uppercased() : String($0) }.joined(separator: " ")
            }),
        Kind(
            make: { .immediate(Restart()) },
            whole: { text in text.lastIndex(of: "#").map { String(text[text.index(after: $0)...]) } ?? text },
            onlyAppends: false),
        Kind(make: { .immediate(Without()) }, whole: { $0.filter { $0 != "x" } }),
        Kind(make: { .awaiting(Awaiting()) }, whole: { $0.uppercased() + "." }),
    ]

    /// A chain at random, and what of it has an effect.
    private static func chain(_ random: inout SeededGenerator) -> (chain: Chain, kinds: [Kind]) {
        var stages: [Stage] = []
        var effective: [Kind] = []
        for index in 0..<Int.random(in: 0...5, using: &random) {
            let kind = kinds[Int.random(in: kinds.indices, using: &random)]
            let middleware = ClosureMiddleware(
                handles: StagePaths(outbound: Bool.random(using: &random) ? [.final] : [], replyText: true),
                transform: { _ in kind.make() })
            let isShadow = Int.random(in: 0..<4, using: &random) == 0
            let (words, holds) = [
                ("agent == main", true), ("agent == other", false), ("kind == delta", true), ("user == ada", true),
            ][Int.random(in: 0..<4, using: &random)]
            stages.append(
                stage("s\(index)", middleware, condition: condition(words), mode: isShadow ? .shadow : .enforce))
            if holds, !isShadow { effective.append(kind) }
        }
        return (Chain(stages: stages, time: ManualTime()), effective)
    }

    private static func text(_ random: inout SeededGenerator) -> String {
        let parts = ["hello", "a", "x", "#b", "#", " ", " ", "über", "👩‍👩‍👧", "\n"]
        return (0..<Int.random(in: 0...40, using: &random)).map { _ in parts.randomElement(using: &random)! }.joined()
    }

    /// One run and a browser that watches it.
    private struct Watched {
        let run: Run
        var reply: ReplyText
        /// What the gateway is still to say.
        var pieces: [TextChange]
        /// What it will have said.
        let raw: String
        var visible = ""

        init(_ id: String, _ chain: Chain, _ random: inout SeededGenerator) {
            run = Run(
                id: id, gateway: "home", sessionKey: "agent:main:\(id)", agent: "main", user: "ada",
                startedAt: Timestamp(milliseconds: 0))
            reply = chain.makeReplyText(for: run, context: context(user: "ada"))
            pieces = []
            if Bool.random(using: &random) {
                // Some text that the gateway will take back.
                pieces = Self.cut(TextLawTests.text(&random), &random) + [.replace("")]
            }
            raw = TextLawTests.text(&random)
            var rest = Self.cut(raw, &random)
            if case .replace? = pieces.last, case .append(let first)? = rest.first {
                pieces[pieces.count - 1] = .replace(first)
                rest.removeFirst()
            }
            pieces += rest
        }

        private static func cut(_ text: String, _ random: inout SeededGenerator) -> [TextChange] {
            var (pieces, rest) = ([TextChange](), text[...])
            while !rest.isEmpty {
                let piece = rest.unicodeScalars.prefix(Int.random(in: 1...5, using: &random))
                pieces.append(.append(String(piece)))
                rest = rest[piece.endIndex...]
            }
            return pieces
        }

        mutating func takePiece() async throws {
            let piece = pieces.removeFirst()
            visible.apply(reply.isAwaiting ? try await reply.feedAwaiting(piece) : try reply.feed(piece))
        }

        /// The text of the final, as it comes out of the chain.
        func final(_ chain: Chain) async throws -> String? {
            let event = OutboundEvent(kind: .final, run: run, text: raw, timestamp: Timestamp(milliseconds: 1))
            let texts = Log<String>()
            _ = try await chain.deliver(event, context: context(user: "ada")) { event, _ in texts.append(event.text) }
            return texts.all.first
        }
    }

    @Test(arguments: 0..<300)
    func deltasJoinedAreTheTextOfTheFinal(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let (chain, kinds) = Self.chain(&random)
        var runs = (1...3).map { Watched("r\($0)", chain, &random) }
        // The pieces of one run come in order, those of different runs in any.
        while let index = runs.indices.filter({ !runs[$0].pieces.isEmpty }).randomElement(using: &random) {
            try await runs[index].takePiece()
        }
        for index in runs.indices.shuffled(using: &random) {
            var run = runs[index]
            let final = try #require(try await run.final(chain))
            let expected = kinds.reduce(run.raw) { $1.whole($0) }
            #expect(final.utf8.elementsEqual(expected.utf8))
            // Only what was held back is missing: a browser catches up by adding to what it has.
            if kinds.allSatisfy(\.onlyAppends) { #expect(final.utf8.starts(with: run.visible.utf8)) }
            let isExtension = final.utf8.starts(with: run.visible.utf8)
            run.visible.apply(
                isExtension
                    ? .append(String(decoding: final.utf8.dropFirst(run.visible.utf8.count), as: UTF8.self))
                    : .replace(final))
            #expect(run.visible.utf8.elementsEqual(final.utf8))
            // Nor does it depend on where the text was cut.
            var inOne = chain.makeReplyText(for: run.run, context: context(user: "ada"))
            var again = ""
            again.apply(try await inOne.feedAwaiting(.append(run.raw)))
            #expect(again.utf8.elementsEqual(runs[index].visible.utf8))
        }
    }

    /// In text, and in whole events.
    @Test func aRunThatHangsHoldsUpNoOther() async throws {
        let release = AsyncStream<Void>.makeStream()
        let hangs = AsyncStream<Void>.makeStream()
        let hanging = ClosureMiddleware(
            onOutbound: { event, context, next in
                if event.run.id == "r1" {
                    hangs.continuation.yield()
                    for await _ in release.stream { break }
                }
                try await next(event, context)
            },
            transform: { run in run.id == "r1" ? .awaiting(Waits(hangs: hangs.continuation)) : .awaiting(Awaiting()) })
        let time = ManualTime()
        let chain = Chain(stages: [stage("s", hanging, onError: .open)], time: time)
        var random = SeededGenerator(seed: 1)
        var arrivals = hangs.stream.makeAsyncIterator()

        let stuck = Task {
            var reply = chain.makeReplyText(for: run, context: context())
            return try await reply.feedAwaiting(.append("a"))
        }
        await arrivals.next()
        var other = Watched("r2", chain, &random)
        while !other.pieces.isEmpty { try await other.takePiece() }
        #expect(other.visible == other.raw.uppercased())
        #expect(try await other.final(chain) == other.raw.uppercased() + ".")
        await time.waitForSleepers()
        time.advance(by: .seconds(30))
        #expect(try await stuck.value == .append("a"))

        let event = OutboundEvent(kind: .status, run: run, timestamp: Timestamp(milliseconds: 1))
        let delivery = Task { try await chain.deliver(event, context: context()) { _, _ in } }
        await arrivals.next()
        #expect(try await other.final(chain) == other.raw.uppercased() + ".")
        release.continuation.yield()
        #expect(try await delivery.value == .delivered)
    }

    private struct Waits: AsyncReplyTransform {
        let hangs: AsyncStream<Void>.Continuation

        mutating func feed(_ text: Substring) async throws -> TextChange {
            hangs.yield()
            try await Task.sleep(for: .seconds(3600))
            return .append("")
        }

        mutating func finish() async throws -> TextChange { .append("") }
    }
}
