import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct CacheTests {
    private let time = ManualTime()

    private func harness(_ block: ConfigNode = [:]) async throws -> StageHarness {
        let options = try #require(PluginOptions.read(CachePlugin.self, block).options)
        return try await StageHarness(CachePlugin.self, options, in: Sample.provision(time: time))
    }

    /// Asks, and lets the gateway answer if it is asked.
    /// - Returns: The answer that the stage knew.
    private func ask(
        _ harness: StageHarness, _ message: InboundMessage = Sample.chat("How much is 2+2?"), user: String = "ada",
        answer: String = "4", kind: EventKind = .final, blocks: [ContentBlock] = []
    ) async throws -> String? {
        let context = Sample.context(principal: Principal(user: user))
        let sent = await harness.send(message, context: context)
        if let answer = sent.message?.answer { return answer }
        let event = Sample.event(kind, text: answer, blocks: blocks)
        _ = await harness.deliver(event, context: try #require(sent.context))
        return nil
    }

    @Test func theSameQuestionGetsTheSameAnswer() async throws {
        let harness = try await harness()
        #expect(try await ask(harness) == nil)
        #expect(try await ask(harness) == "4")
        #expect(try await ask(harness, Sample.chat(" How much\nis 2+2? ", session: "agent:main:two")) == "4")
        #expect(try await ask(harness, Sample.chat("How much is 2+3?")) == nil)
        #expect(try await ask(harness, user: "bob") == nil)
        #expect(try await ask(harness, Sample.chat("How much is 2+2?", session: "agent:other:one")) == nil)
        #expect(try await ask(harness, Sample.chat("How much is 2+2?", gateway: "work")) == nil)
    }

    @Test func theScopeSaysWhoSharesAnswers() async throws {
        let everybody = try await harness(["scope": "everybody"])
        #expect(try await ask(everybody) == nil)
        #expect(try await ask(everybody, user: "bob") == "4")
        let session = try await harness(["scope": "session"])
        #expect(try await ask(session) == nil)
        #expect(try await ask(session) == "4")
        #expect(try await ask(session, Sample.chat("How much is 2+2?", session: "agent:main:two")) == nil)
    }

    /// `route` above the cache sends some askers to another gateway.
    @Test func whereAQuestionIsSentMakesADifference() async throws {
        let harness = try await harness(["scope": "everybody"])
        var routed = Sample.chat("How much is 2+2?")
        routed.route = MessageRoute(gateway: "inner")
        #expect(try await ask(harness, routed, answer: "secret") == nil)
        #expect(try await ask(harness) == nil)
        #expect(try await ask(harness) == "4")
        #expect(try await ask(harness, routed) == "secret")
    }

    @Test func onlyWholeAnswersOfTextAreRemembered() async throws {
        let harness = try await harness()
        #expect(try await ask(harness, answer: "") == nil)
        #expect(try await ask(harness, blocks: [.other(json: "{}")]) == nil)
        #expect(try await ask(harness, answer: String(repeating: "x", count: 65_537)) == nil)
        #expect(try await ask(harness, blocks: [.thinking("hm")]) == nil)
        #expect(try await ask(harness) == "4")
        for _ in 0..<2 { #expect(try await ask(harness, Sample.chat("/status")) == nil) }
        let file = Attachment(type: "image", mimeType: "image/png", content: "")
        for _ in 0..<2 {
            #expect(try await ask(harness, Sample.chat("How much is 2+2?", attachments: [file])) == nil)
        }
    }

    /// `[EMAIL_1]` is another address in each session: with `redact` below, the next one would be told a stranger's.
    @Test(arguments: [
        ("Write to [EMAIL_1].", nil), ("[STAFF_NO_12]", nil),
        ("See [1] and [A_B] and [EMAIL].", "See [1] and [A_B] and [EMAIL]."),
        ("[EMAIL_1", "[EMAIL_1"), ("a[[CARD_2]]", nil),
    ])
    func anAnswerWithPlaceholdersIsNotRemembered(answer: String, remembered: String?) async throws {
        let harness = try await harness()
        #expect(try await ask(harness, answer: answer) == nil)
        #expect(try await ask(harness, answer: answer) == remembered)
    }

    @Test func aQuestionWithPlaceholdersIsNoQuestion() async throws {
        let harness = try await harness()
        for _ in 0..<2 { #expect(try await ask(harness, Sample.chat("Is [EMAIL_1] valid?")) == nil) }
    }

    @Test func answersGrowOld() async throws {
        let harness = try await harness(["max-age": "1m"])
        #expect(try await ask(harness) == nil)
        time.advance(by: .seconds(59))
        #expect(try await ask(harness) == "4")
        time.advance(by: .seconds(1))
        #expect(try await ask(harness) == nil)
    }

    @Test func thoseGivenLeastLatelyAreForgotten() {
        var options = CacheOptions()
        options.maxEntries = 3
        let table = AnswerTable(options)
        func question(_ text: String) -> Question { Question(text: text, gateway: "", agent: "") }
        for text in ["a", "b", "c"] { table.remember(text, for: question(text), at: .zero) }
        for _ in 0..<1000 { #expect(table.answer(to: question("a"), at: .zero) == "a") }
        table.remember("d", for: question("d"), at: .zero)
        #expect(table.count == 3)
        #expect(table.answer(to: question("b"), at: .zero) == nil)
        #expect(table.answer(to: question("a"), at: .zero) == "a")
    }

    @Test func keepsThePromises() async throws {
        let harness = try await harness()
        #expect(await MiddlewareCompatibility.violations(of: harness.middleware) == [])
    }
}
