import MiddlewareKit
import Settings
import Testing

@Suite struct ChainTests {
    /// The names of the stages of each chain.
    private func names(_ text: String) throws -> [String: [String]] {
        let loaded = load(text)
        #expect(loaded.findings.all.map(\.description) == [])
        var names = ["pipeline": loaded.chains.pipeline.stages.map(\.entry.name)]
        for chain in loaded.chains.named { names[chain.name] = chain.chain.stages.map(\.entry.name) }
        return names
    }

    @Test func aChainChangesThePipelineOrAnotherChain() throws {
        let text = """
            pipeline:
              - use: auth
              - { use: rate-limit, with: { size: 2 }, timeout: 7s }
              - use: persist
            chains:
              quiet:
                remove: [rate-limit]
                insert:
                  - { before: persist, stages: [ { use: thinking-strip } ] }
                  - { after: persist, stages: [ { use: persist, name: copy }, { use: rate-limit, name: last } ] }
              loud:
                extends: quiet
                override: { copy: { mode: shadow, with: { size: 9 } } }
                remove: [last]
              own: { stages: [ { use: persist } ] }
            attach:
              - { chain: quiet, when: gateway == a }
              - { chain: loud, when: agent == b }
              - { chain: pipeline, when: user == ada }
              - chain: own
            """
        #expect(
            try names(text) == [
                "pipeline": ["auth", "rate-limit", "persist"],
                "quiet": ["auth", "thinking-strip", "persist", "copy", "last"],
                "loud": ["auth", "thinking-strip", "persist", "copy"], "own": ["persist"],
            ])
        let loaded = load(text)
        let copy = try #require(loaded.chains.named.first { $0.name == "loud" }?.chain.stages.last)
        #expect(copy.entry.mode == .shadow && (copy.options as? FakeStage<Persist>.Options)?.size == 9)
        #expect(loaded.chains.attachments.map(\.chain) == ["quiet", "loud", "pipeline", "own"])
        #expect(loaded.chains.attachments.last?.condition == .always)
    }

    @Test func theDefaultPipelineCanBeChangedToo() throws {
        let text = "chains: { a: { remove: [rate-limit] } }\nattach: [ { chain: a } ]\n"
        #expect(try names(text)["a"] == ["auth", "thinking-strip", "persist"])
    }

    @Test func namedStagesAreWrittenOutWithTheChangesOfTheirEntry() throws {
        let text = """
            stages:
              strict: { use: rate-limit, with: { size: 2 }, timeout: 7s, mode: shadow }
            pipeline:
              - { use: strict, mode: enforce }
              - { use: strict, name: again, with: { size: 3 } }
            """
        let stages = load(text).stages
        #expect(load(text).findings.all.isEmpty)
        #expect(stages.map(\.entry.name) == ["strict", "again"])
        #expect(stages.map(\.entry.mode) == [.enforce, .shadow])
        #expect(stages.allSatisfy { $0.plugin.kind == "rate-limit" && $0.timeout == .seconds(7) })
        #expect(stages.map { ($0.options as? FakeStage<RateLimit>.Options)?.size } == [2, 3])
    }

    @Test func stagesThatSayTheSameAreOneInstance() {
        let text = """
            pipeline: [ { use: persist, with: { size: 2 } }, { use: rate-limit } ]
            chains:
              a: { override: { persist: { when: user == ada } } }
              b: { override: { persist: { with: { size: 3 } } } }
            attach: [ { chain: a, when: agent == a }, { chain: b } ]
            """
        let chains = load(text).chains
        let identities = [chains.pipeline.stages] + chains.named.map(\.chain.stages)
        #expect(identities[0].map(\.identity) == identities[1].map(\.identity))
        #expect(identities[0][0].identity != identities[2][0].identity)
        #expect(identities[0][1].identity == identities[2][1].identity)
    }

    @Test func anErrorThatSeveralChainsShareIsToldOnce() {
        let text = """
            pipeline: [ { use: persist, with: { sise: 2 } } ]
            chains: { a: {} , b: {} }
            attach: [ { chain: a, when: agent == a }, { chain: b } ]
            """
        #expect(findings(text) == ["c:1:37: error: `sise` is not an option here (did you mean `size`?)"])
    }

    @Test func everyChainAsksWhoIsThereBeyondLoopback() {
        let text = """
            server: { host: 0.0.0.0 }
            pipeline: [ { use: auth, with: { mode: key } } ]
            chains: { open: { stages: [] } }
            attach: [ { chain: open } ]
            """
        #expect(findings(text).count == 1)
        #expect(findings(text).first?.contains("the pipeline asks for a key") == true)
        let open = text.replacing("{ use: auth, with: { mode: key } }", with: "{ use: persist }")
        #expect(findings(open).count == 1)
        #expect(findings(open).first?.contains("no `auth` stage") == true)
    }

    /// Whoever goes by the stage that asks would be taken for an administrator.
    @Test(arguments: ["when: kind == chat", "mode: shadow", "enabled: false"])
    func nobodyGoesByTheStageThatAsks(option: String) {
        let asks = findings("pipeline: [ { use: auth, \(option), with: { mode: key } } ]\n")
        #expect(asks.count == 1)
        #expect(asks.first?.contains(option == "enabled: false" ? "warning: `auth`" : "error: `auth`") == true)
        #expect(findings("pipeline: [ { use: auth, \(option), with: { mode: none } } ]\n") == [])
    }

    @Test func aChainThatDoesNotAskIsAnErrorOnLoopbackToo() {
        let text = """
            pipeline: [ { use: auth, with: { mode: key } } ]
            chains:
              none: { override: { auth: { with: { mode: none } } } }
              less: { remove: [auth] }
              same: {}
            attach: [ { chain: none, when: user == a }, { chain: less, when: user == b }, { chain: same } ]
            """
        let found = findings(text)
        #expect(found.map { $0.prefix(5) } == ["c:3:3", "c:4:3"])
        #expect(found.allSatisfy { $0.contains("error: the pipeline asks for a key") })
    }

    /// The work for each is the same, however many stand below it, and so is the room that it takes on the stack.
    @Test func chainsMayExtendOneAnotherAsOftenAsTheyLike() throws {
        let numbers = 0..<2000
        let chains = numbers.map { "  c\($0): { extends: \($0 == 0 ? "pipeline" : "c\($0 - 1)") }\n" }.joined()
        let found = try names("pipeline: [ { use: persist } ]\nchains:\n\(chains)attach: [ { chain: c1999 } ]\n")
        #expect(found == ["pipeline": ["persist"], "c1999": ["persist"]])
    }

    @Test func aCircleOfChainsIsToldOnce() {
        let numbers = 0..<30
        let chains = numbers.map { "  c\($0): { extends: c\(($0 + 1) % 30) }\n" }.joined()
        let found = findings("chains:\n  a: { extends: c28 }\n\(chains)attach: [ { chain: a } ]\n")
        #expect(
            found == [
                "c:30:19: error: chains extend each other: c28 -> c29 -> c0 -> c1 -> c2 -> … -> c26 -> c27 -> c28"
            ])
    }

    @Test(arguments: ["after: nowhere, ", "", "after: auth, before: persist, "])
    func stagesThatStandNowhereAreCheckedToo(place: String) {
        let text = """
            chains: { a: { insert: [ { \(place)stages: [ { use: persist, name: copy, with: { sise: 2 } } ] } ] } }
            attach: [ { chain: a } ]
            """
        #expect(findings(text).count == 2)
        #expect(findings(text).contains { $0.contains("`sise` is not an option here (did you mean `size`?)") })
    }

    @Test func stagesOfAChainThatExtendsNothingAreCheckedToo() {
        let text = """
            chains: { a: { extends: nothing, insert: [ { after: auth, stages: [ { use: persist, with: { sise: 2 } } ] } ] } }
            attach: [ { chain: a } ]
            """
        #expect(findings(text).map { $0.contains("`sise` is not an option here") } == [false, true])
    }

    @Test func whatIsKnownIsListedOnce() {
        let text = """
            chains: { pipeline: {}, b: { extends: zzzzzzzzzz } }
            attach: [ { chain: b } ]
            """
        #expect(findings(text).contains { $0.hasSuffix("(known are pipeline, b)") })
    }
}
