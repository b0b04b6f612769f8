import MiddlewareKit
import Settings
import Testing

@Suite struct ChainTests {
    /// The names of the stages of each chain.
    private func names(_ text: String) throws -> [String: [String]] {
        let loaded = load(text)
        #expect(loaded.findings.all.map(\.description) == [])
        var names = ["pipeline": loaded.chains.pipeline.map(\.entry.name)]
        for chain in loaded.chains.named { names[chain.name] = chain.stages.map(\.entry.name) }
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
              - { chain: loud, when: staff in groups }
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
        let copy = try #require(loaded.chains.named.first { $0.name == "loud" }?.stages.last)
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
            attach: [ { chain: a, when: user == a }, { chain: b } ]
            """
        let chains = load(text).chains
        let identities = [chains.pipeline] + chains.named.map(\.stages)
        #expect(identities[0].map(\.identity) == identities[1].map(\.identity))
        #expect(identities[0][0].identity != identities[2][0].identity)
        #expect(identities[0][1].identity == identities[2][1].identity)
    }

    @Test func anErrorThatSeveralChainsShareIsToldOnce() {
        let text = """
            pipeline: [ { use: persist, with: { sise: 2 } } ]
            chains: { a: {} , b: {} }
            attach: [ { chain: a, when: user == a }, { chain: b } ]
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
        #expect(findings(text).first?.contains("no `auth` stage") == true)
    }
}

@Suite struct ConfigDiffTests {
    private func changes(_ old: String, _ new: String, environment: [String: String] = [:]) -> [String] {
        ConfigDiff.changes(from: load(old, environment: environment), to: load(new, environment: environment)).map {
            "\($0.path): \($0.before ?? "-") -> \($0.after ?? "-")\($0.needsRestart ? " (restart)" : "")"
        }
    }

    @Test func tellsWhatChangedByName() {
        let old = """
            server: { port: 1 }
            gateways: [ { id: a, url: "ws://a" }, { id: b, url: "ws://b" } ]
            pipeline: [ { use: auth }, { use: persist, with: { size: 1 } } ]
            """
        let new = """
            server: { port: 2, host: localhost }
            gateways: [ { id: a, url: "ws://c" } ]
            pipeline: [ { use: persist, with: { size: 2 } }, { use: auth } ]
            """
        #expect(
            changes(old, new) == [
                "server.port: 1 -> 2 (restart)", "gateways: [a, b] -> [a]", "gateways.a.url: \"ws://a\" -> \"ws://c\"",
                "gateways.b.id: b -> -", "gateways.b.url: \"ws://b\" -> -",
                "pipeline: [auth, persist] -> [persist, auth]", "pipeline.persist.with.size: 1 -> 2",
                "server.host: - -> localhost (restart)",
            ])
        #expect(changes(old, old) == [])
        #expect(changes("log: {}\n# a word", "log:\n") == [])
    }

    @Test func secretsAreNotTold() {
        let old = "gateways: [ { id: a, url: \"ws://a\", token: hunter2 } ]\nstorage: { path: \"${P}\" }\n"
        let new = "gateways: [ { id: a, url: \"ws://a\", token: hunter3 } ]\nstorage: { path: \"${P}x\" }\n"
        #expect(
            changes(old, new, environment: ["P": "hunter4"]) == [
                "gateways.a.token: <redacted> -> <redacted>",
                "storage.path: <from the environment> -> <from the environment> (restart)",
            ])
    }
}
