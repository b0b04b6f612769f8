import MiddlewareKit
import Settings
import Stages
import Testing

@Suite struct ChainExplanationTests {
    private let text = """
        pipeline:
          - { use: auth, with: { mode: none, keys: ["${SECRET}"] } }
          - { use: rate-limit, when: "not staff in groups" }
          - { use: thinking-strip, mode: shadow, timeout: 7s }
          - { use: persist, enabled: false }
        chains: { quiet: { remove: [rate-limit] } }
        attach: [ { chain: quiet, when: gateway == away } ]
        """

    /// Of the second line, which nobody without a key can be meant by.
    private let warning = "nobody is in a group: no `auth` stage asks who somebody is"

    private func explain(_ facts: MessageFacts, kind: (MessageFacts.Direction, String)? = nil) -> ChainExplanation {
        let loaded = load(text, environment: ["SECRET": "hunter2"])
        #expect(loaded.findings.all.map(\.message) == [warning])
        return ChainExplanation(loaded.chains, facts, kind: kind.map { (direction: $0.0, word: $0.1) })
    }

    @Test func tellsTheChainAndWhyEachStageIsInOrOut() {
        let facts = MessageFacts(direction: .inbound, kind: "chat", gateway: "home", user: "ada", groups: ["staff"])
        let explanation = explain(facts, kind: (.inbound, "chat"))
        #expect(explanation.chain == "pipeline" && explanation.reason == "no entry of `attach` fits")
        #expect(explanation.steps.map(\.stage) == ["auth", "rate-limit", "thinking-strip", "persist"])
        #expect(explanation.steps.map(\.isIn) == [true, false, true, false])
        #expect(explanation.steps[1].reason == "`when` is false: not staff in groups")
        #expect(explanation.steps[3].reason == "`enabled` is false")
        #expect(explanation.steps[0].options == "{ mode: none, keys: [<from the environment>] }")
        #expect(
            explanation.steps[2].details
                == "mode: shadow, so it has no effect, timeout: 7s, on-error: closed, hold: { bytes: 256KiB, time: 30s }"
        )
    }

    @Test func anotherGatewayGetsAnotherChain() {
        let explanation = explain(MessageFacts(direction: .inbound, kind: "", gateway: "away"))
        #expect(explanation.chain == "quiet" && explanation.reason == "`attach`: gateway == away")
        #expect(explanation.steps.map(\.stage) == ["auth", "thinking-strip", "persist"])
    }

    @Test func withoutAKindTheKindsAreTold() {
        let explanation = explain(MessageFacts(direction: .inbound, kind: ""))
        let doubt = "which kinds it has something to do with is known once it runs"
        #expect(
            explanation.steps[1].reason == "it meets everything; `when` is true: not staff in groups; \(doubt)")
    }

    /// The stages that a message of a kind meets, of a chain with nearly all kinds.
    private func met(_ direction: MessageFacts.Direction, _ kind: String) -> [String] {
        let text = """
            pipeline:
              - { use: auth, with: { mode: none } }
              - { use: rate-limit, with: { kinds: [chat, history] } }
              - { use: quota, with: { tokens: 9 } }
              - { use: prompt, with: { before: a } }
              - use: cache
              - { use: thinking-strip, with: { blocks: keep } }
              - { use: thinking-strip, name: late, when: kind == final, with: { blocks: keep } }
              - { use: redact, with: { values: [email] } }
              - { use: filter, with: { words: [a], directions: [inbound] } }
              - { use: transform, with: { reply: "{{text}}" } }
              - { use: http, with: { url: "https://example.com/", outbound: [status] } }
              - { use: route, with: { to: [ { agent: a } ] } }
              - use: persist
              - use: webhook
              - use: analytics
            """
        let loaded = SettingsLoader.load(
            text: Array(text.utf8), file: "c", environment: [:], catalog: StageCatalog(BuiltInStages.all))
        #expect(!loaded.findings.hasErrors)
        let facts = MessageFacts(direction: direction, kind: kind)
        let explanation = ChainExplanation(loaded.chains, facts, kind: (direction, kind))
        return explanation.steps.filter(\.isIn).map(\.stage)
    }

    @Test func stagesAreInWhereTheyHaveSomethingToDo() {
        #expect(met(.inbound, "history") == ["auth", "rate-limit"])
        #expect(met(.inbound, "gateways") == ["auth"])
        #expect(
            met(.inbound, "chat") == [
                "auth", "rate-limit", "quota", "prompt", "cache", "redact", "filter", "http", "route", "persist",
                "webhook", "analytics",
            ])
        #expect(met(.outbound, "delta") == ["thinking-strip", "redact", "transform"])
        #expect(met(.outbound, "status") == ["http"])
        // The whole text goes the way that the pieces went: `late` is asked for `delta`, and has no part in it.
        #expect(
            met(.outbound, "final") == [
                "quota", "cache", "thinking-strip", "redact", "transform", "persist", "webhook", "analytics",
            ])
    }
}
