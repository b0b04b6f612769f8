import MiddlewareKit
import Stages
import Testing
import Webhooks

/// What is told about a stage's place in its chain.
@Suite struct AdviceTests {
    @Test func persistBelongsBelowThinkingStrip() {
        #expect(PersistPlugin.advise(PersistOptions(), at: ChainPlace(below: ["thinking-strip"])).count == 1)
        #expect(PersistPlugin.advise(PersistOptions(), at: ChainPlace(above: ["thinking-strip"])).isEmpty)
    }

    @Test func nothingOfStrangersIsKeptOrCountedForAUser() {
        #expect(PersistPlugin.advise(PersistOptions(), at: ChainPlace(below: ["auth"])).count == 1)
        #expect(PersistPlugin.advise(PersistOptions(), at: ChainPlace(above: ["auth"])).isEmpty)
        var process = ProcessOptions()
        process.command = ["sh", "no/such.sh"]
        #expect(ProcessPlugin.advise(process, at: ChainPlace()).map(\.key) == ["command[2]"])
        // The text of a program is no file.
        process.command = ["sh", "-ec", "exec no/such.py"]
        #expect(ProcessPlugin.advise(process, at: ChainPlace()).isEmpty)
        #expect(QuotaPlugin.advise(QuotaOptions(), at: ChainPlace(below: ["auth"])).count == 1)
        #expect(QuotaPlugin.advise(QuotaOptions(), at: ChainPlace(above: ["auth"])).isEmpty)
    }

    @Test func webhooksNeedPersistAboveThem() {
        let hints = { (place: ChainPlace) in WebhookPlugin.advise(WebhookOptions(), at: place).map(\.hint) }
        #expect(hints(ChainPlace()) == ["add `- use: persist` above it"])
        #expect(hints(ChainPlace(below: ["persist"])) == ["move `webhook` below `persist`"])
        #expect(hints(ChainPlace(above: ["persist"])) == [])
    }

    /// Its rows go with the message as `persist` has it.
    @Test func webhooksTellWhatPersistStores() {
        func advice(_ above: [String], _ options: WebhookOptions = WebhookOptions()) -> [OptionProblem] {
            WebhookPlugin.advise(options, at: ChainPlace(above: above))
        }
        #expect(advice(["thinking-strip", "redact", "filter", "persist", "transform"]) == [])
        let late = advice(["filter", "persist", "redact", "filter", "thinking-strip"])
        #expect(
            late.compactMap(\.hint) == ["thinking-strip", "redact", "filter"].map { "move `persist` below `\($0)`" })
        #expect(
            late.last?.message
                == "`persist` stands above `filter`, so endpoints are told what that takes away all the same: they get what "
                + "`persist` stores"
        )
        // Further down it is the same, and without `persist` it is where `webhook` stands.
        func below(_ above: [String], isShadow: Bool = false) -> [String?] {
            let place = ChainPlace(above: above, below: ["redact"], isShadow: isShadow)
            return WebhookPlugin.advise(WebhookOptions(), at: place).map(\.hint)
        }
        #expect(below(["persist"]) == ["move `persist` below `redact`"])
        #expect(below([]) == ["move `webhook` below `redact`", "add `- use: persist` above it"])
        #expect(below([], isShadow: true) == [])
        // No text goes out.
        var options = WebhookOptions()
        options.content = .none
        #expect(advice(["persist", "filter"], options) == [])
        var endpoint = EndpointOptions()
        endpoint.content = .text
        options.endpoints = [endpoint]
        #expect(advice(["persist", "filter"], options).count == 1)
    }

    @Test func endpointsThatAreNotEnabledAreTold() throws {
        var endpoint = EndpointOptions()
        endpoint.givenName = "mine"
        endpoint.enabled = false
        var options = WebhookOptions()
        options.endpoints = [endpoint]
        let advice = WebhookPlugin.advise(options, at: ChainPlace(above: ["persist"]))
        #expect(advice.map(\.message) == ["the endpoint mine is not enabled, so it is told of nothing"])
    }

    @Test func cachesNeedTheQuestionAndTheAnswer() throws {
        func advice(when text: String) throws -> [String] {
            var findings = Findings()
            let node = ConfigNode(
                position: SourcePosition(file: "c", line: 1, column: 1), content: .scalar(text, isPlain: true))
            let condition = try #require(Condition.read(node, findings: &findings))
            return CachePlugin.advise(CacheOptions(), at: ChainPlace(when: condition)).map(\.message)
        }
        #expect(try advice(when: "agent == faq") == [])
        #expect(try advice(when: "kind == final or text starts-with 'FAQ'") == [])
        #expect(try advice(when: "kind == chat").first?.contains("leaves out answers (final)") == true)
        #expect(try advice(when: "direction == outbound").first?.contains("leaves out questions (chat)") == true)
        #expect(try advice(when: "text starts-with 'FAQ'").first?.contains("asks for the text") == true)
    }

    @Test func cachesStandBelowAuthAndAboveWhatChangesReplies() {
        var options = CacheOptions()
        #expect(CachePlugin.advise(options, at: ChainPlace(above: ["auth"], below: ["transform"])).isEmpty)
        #expect(CachePlugin.advise(options, at: ChainPlace(below: ["auth"])).map(\.hint) == ["move it below `auth`"])
        let below = ChainPlace(above: ["auth", "transform"], rewritersAbove: ["transform"])
        #expect(CachePlugin.advise(options, at: below).map(\.hint) == ["move `cache` above it"])
        options.scope = .everybody
        #expect(CachePlugin.advise(options, at: ChainPlace(below: ["auth"])).isEmpty)
    }

    @Test func promptsAreNoTemplates() {
        var options = PromptOptions()
        options.after = "You talk to {{user}}."
        #expect(PromptPlugin.advise(options, at: ChainPlace()).map(\.key) == ["after"])
    }

    @Test func limitsByUserBelongBelowAuth() {
        var options = RateLimitOptions()
        #expect(RateLimitPlugin.advise(options, at: ChainPlace(below: ["auth"])).map(\.key) == ["limits"])
        #expect(RateLimitPlugin.advise(options, at: ChainPlace(above: ["auth"])).isEmpty)
        options.limits = [RateLimitRule(key: [.ip], requests: 1, per: .seconds(1))]
        #expect(RateLimitPlugin.advise(options, at: ChainPlace(below: ["auth"])).isEmpty)
    }

    @Test func whatIsTurnedAwayIsNotStoredBefore() {
        let place = ChainPlace(above: ["auth", "persist"])
        #expect(
            RateLimitPlugin.advise(RateLimitOptions(), at: place).map(\.hint) == ["move `rate-limit` above `persist`"])
        #expect(QuotaPlugin.advise(QuotaOptions(), at: place).map(\.hint) == ["move `quota` above `persist`"])
        var others = RateLimitOptions()
        others.kinds = [.history]
        #expect(RateLimitPlugin.advise(others, at: place).isEmpty)
    }

    @Test func whatIsTurnedAwayIsNotCountedBefore() {
        let hints = { AnalyticsPlugin.advise(AnalyticsOptions(), at: $0).map(\.hint) }
        #expect(hints(ChainPlace(above: ["auth", "quota"], below: ["webhook"])) == [])
        #expect(hints(ChainPlace(below: ["auth", "rate-limit", "persist"])) == ["move `analytics` below `rate-limit`"])
        #expect(hints(ChainPlace(above: ["auth"], below: ["quota"])) == ["move `analytics` below `quota`"])
        // Both count into the same figures.
        #expect(hints(ChainPlace(above: ["auth", "analytics"])) == ["use `analytics` once in a chain"])
        #expect(hints(ChainPlace(above: ["auth"], below: ["analytics"])) == [])
    }
}
