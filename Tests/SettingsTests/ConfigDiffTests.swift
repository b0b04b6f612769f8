import MiddlewareKit
import Settings
import Stages
import Testing

@Suite struct ConfigDiffTests {
    private func changes(
        _ old: String, _ new: String, environment: [String: String] = [:],
        catalog: StageCatalog = catalog
    ) -> [String] {
        let (old, new) = (load(old, environment, catalog), load(new, environment, catalog))
        return ConfigDiff.changes(from: old, to: new).map {
            "\($0.path): \($0.before ?? "-") -> \($0.after ?? "-")\($0.needsRestart ? " (restart)" : "")"
        }
    }

    private func load(
        _ text: String, _ environment: [String: String], _ catalog: StageCatalog
    ) -> LoadedSettings {
        SettingsLoader.load(text: Array(text.utf8), file: "c", environment: environment, catalog: catalog)
    }

    /// Nobody says which arguments and settings of a program are secret.
    @Test func whatLooksSecretInAProgramIsHidden() {
        func text(_ value: String) -> String {
            "pipeline: [ { use: process, with: { command: [sh, --token, \(value), \"--api-key=\(value)\"], "
                + "settings: { api_key: \(value), size: 1 } } } ]\n"
        }
        let all = StageCatalog(BuiltInStages.all)
        #expect(
            changes(text("hunter2"), text("hunter3"), catalog: all) == [
                "pipeline.process.with.command: [sh, --token, \"<redacted>\", \"--api-key=<redacted>\"] -> "
                    + "[sh, --token, \"<redacted>\", \"--api-key=<redacted>\"]",
                "pipeline.process.with.settings.api_key: <redacted> -> <redacted>",
            ])
        let stage = load(text("hunter2"), [:], all).stages.last
        #expect(stage?.shownOptions.contains("api_key: <redacted>, size: 1") == true)
        #expect(stage?.shownOptions.contains("hunter2") == false)
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

    @Test func entriesOfOneNameAreToldApart() {
        let old = "chains: { a: {} }\nattach: [ { chain: a, when: user == ada }, { chain: a, when: user == bob } ]\n"
        #expect(
            changes(old, old.replacing("bob", with: "eve")) == [
                "attach.a[2].when: user == bob -> user == eve"
            ])
    }

    @Test func entriesWithoutANameGoByTheirNumber() {
        let old = "pipeline: [ { use: route, with: { to: [ { gateway: a } ] } } ]\n"
        #expect(
            changes(
                old, old.replacing("{ gateway: a }", with: "{ gateway: b }, {}"),
                catalog: StageCatalog(BuiltInStages.all)) == [
                    "pipeline.route.with.to: 1 entry -> 2 entries", "pipeline.route.with.to[1].gateway: a -> b",
                ])
    }

    /// The configuration says what it said, and the stage is another one all the same.
    @Test func aProgramThatWasWrittenAnewIsAChange() throws {
        let folder = try TemporaryFolder()
        let program = try folder.write("program.py", "1")
        let text = """
            pipeline: [ { use: process, with: { command: [sh, "\(program)"] } } ]
            chains: { other: {} }
            attach: [ { chain: other, when: agent == a } ]
            """
        let builtIn = StageCatalog(BuiltInStages.all)
        let old = load(text, [:], builtIn)
        #expect(ConfigDiff.changes(from: old, to: load(text, [:], builtIn)).isEmpty)
        try folder.write("program.py", "12")
        let new = load(text, [:], builtIn)
        #expect(new.stages.map(\.identity) != old.stages.map(\.identity))
        let changes = ConfigDiff.changes(from: old, to: new)
        #expect(changes.map(\.path) == ["pipeline.process.\(program)", "chains.other.process.\(program)"])
        #expect(changes.allSatisfy { !$0.needsRestart && $0.after?.hasPrefix("of 20") == true })
    }

    /// Also where the secret stands in an entry of a list that has no name, however deep.
    @Test func secretsInListsAreNotTold() {
        func text(_ tag: String) -> String {
            let secret = "whsec_" + String(repeating: tag, count: 32)
            let endpoint =
                "{ url: \"https://example.com/plant-\(tag)\", secret: \(secret), headers: { X-Key: plant-\(tag) } }"
            return """
                pipeline:
                  - { use: persist }
                  - { use: webhook, with: { endpoints: [ \(endpoint) ] } }
                chains:
                  a: { insert: [ { after: persist, stages: [ { use: webhook, name: b, with: { endpoints: [ \(endpoint) ] } } ] } ] }
                attach: [ { chain: a } ]
                """
        }
        let told = changes(text("A"), text("B"), catalog: StageCatalog(BuiltInStages.all))
        let endpoints = ["pipeline.webhook.with.endpoints[1]", "chains.a.insert[1].stages.b.with.endpoints[1]"]
        #expect(
            told
                == endpoints.flatMap { endpoint in
                    ["url", "secret", "headers.X-Key"].map { "\(endpoint).\($0): <redacted> -> <redacted>" }
                })
    }
}
