import MiddlewareKit
import Settings
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

    private func explain(_ facts: MessageFacts, kind: (MessageFacts.Direction, String)? = nil) -> ChainExplanation {
        let loaded = load(text, environment: ["SECRET": "hunter2"])
        #expect(loaded.findings.all.isEmpty)
        return ChainExplanation(loaded.chains, facts, kind: kind.map { (direction: $0.0, word: $0.1) })
    }

    @Test func tellsTheChainAndWhyEachStageIsInOrOut() {
        let facts = MessageFacts(direction: .inbound, kind: "chat", gateway: "home", user: "ada", groups: ["staff"])
        let explanation = explain(facts, kind: (.inbound, "chat"))
        #expect(explanation.chain == "pipeline" && explanation.reason == "no entry of `attach` fits")
        #expect(explanation.steps.map(\.stage) == ["auth", "rate-limit", "thinking-strip"])
        #expect(explanation.steps.map(\.isIn) == [true, false, true])
        #expect(explanation.steps[1].reason == "`when` is false: not staff in groups")
        #expect(explanation.steps[0].options == "{ mode: none, keys: <from the environment> }")
        #expect(explanation.steps[2].details == "mode: shadow, so it has no effect, timeout: 7s, on-error: closed")
    }

    @Test func anotherGatewayGetsAnotherChain() {
        let explanation = explain(MessageFacts(direction: .inbound, kind: "", gateway: "away"))
        #expect(explanation.chain == "quiet" && explanation.reason == "`attach`: gateway == away")
        #expect(explanation.steps.map(\.stage) == ["auth", "thinking-strip"])
    }

    @Test func withoutAKindTheKindsAreTold() {
        let explanation = explain(MessageFacts(direction: .inbound, kind: ""))
        #expect(explanation.steps[1].reason == "it meets everything; `when` is true: not staff in groups")
    }
}
