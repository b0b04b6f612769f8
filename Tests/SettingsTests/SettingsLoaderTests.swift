import Files
import Foundation
import MiddlewareKit
import Settings
import Stages
import Testing

@Suite struct SettingsLoaderTests {
    @Test func optionsOfStagesAreReadByTheirPlugins() throws {
        let loaded = load("pipeline:\n- { use: persist, with: { size: 7 } }\n- { use: rate-limit, enabled: false }\n")
        #expect(loaded.settings?.pipeline.count == 2)
        let stage = try #require(loaded.stages.first)
        #expect(loaded.stages.count == 1)
        #expect((stage.options as? FakeStage<Persist>.Options)?.size == 7)
        #expect(stage.plugin.kind == "persist" && stage.onError == .closed && stage.timeout == .seconds(3))
    }

    @Test func entriesOverrideTheDefaultsOfAKind() throws {
        let stage = try #require(load("pipeline: [ { use: persist, timeout: 5s, on-error: open } ]").stages.first)
        #expect(stage.onError == .open && stage.timeout == .seconds(5))
    }

    @Test func adviceOfPluginsBecomesWarnings() {
        let loaded = load("pipeline:\n- { use: persist, enabled: false }\n- use: thinking-strip\n- use: auth\n")
        #expect(loaded.settings != nil)
        #expect(
            loaded.findings.all.map(\.description) == ["c:4:8: warning: it stands below thinking-strip (move it up)"])
    }

    @Test func aSecretInClearInAFileForAllIsAWarning() throws {
        let folder = try TemporaryFolder()
        let text =
            "gateways:\n- { id: a, url: \"ws://a\", token: hunter2 }\n- { id: b, url: \"ws://b\", token: hunter3 }\n"
        let file = try folder.write("config.yaml", text)
        for (mode, count) in [(0o644, 1), (0o640, 0)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
            let findings = try folder.load().findings.all
            #expect(findings.count == count)
            #expect(findings.first.map { $0.position.line == 2 && $0.severity == .warning } ?? true)
        }
        try folder.write(
            "config.yaml", text.replacing("hunter2", with: "\"${TOKEN}\"").replacing("hunter3", with: "\"${TOKEN}\""))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        #expect(try folder.load(environment: ["TOKEN": "x"]).findings.all.isEmpty)
    }

    /// Also those of stages; an address counts when its path or query looks like one that not everybody may know.
    @Test(arguments: [
        ("secret: whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 1), ("headers: { X-Key: hunter2 }", 1),
        ("secret: \"${HOOK_SECRET}\"", 0), ("url: \"https://example.com/services/B00/aVerySecretPathOfAHook\"", 1),
        ("url: \"https://example.com/hook?key=a\"", 1), ("url: \"https://example.com/hook\"", 0),
    ])
    func secretsOfStagesInClearAreTold(option: String, count: Int) throws {
        let url = option.hasPrefix("url") ? "" : "url: \"https://example.com/\", "
        let folder = try TemporaryFolder()
        let file = try folder.write(
            "config.yaml",
            "pipeline:\n  - { use: persist }\n  - { use: webhook, with: { endpoints: [ { \(url)\(option) } ] } }\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        let environment = ["HOOK_SECRET": "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
        let loaded = try SettingsLoader.load(
            path: file, environment: environment, catalog: StageCatalog(BuiltInStages.all))
        #expect(loaded.findings.all.map(\.severity) == Array(repeating: .warning, count: count))
    }

    @Test(arguments: ["127.0.0.1", "127.8.0.1", "localhost", "\"::1\""])
    func onLoopbackNobodyHasToAsk(_ host: String) {
        #expect(findings("server: { host: \(host) }\npipeline: []\n") == [])
    }

    @Test(arguments: ["0.0.0.0", "\"::\"", "192.168.1.5", "example.com", "127.example.com"])
    func beyondLoopbackSomebodyHasToAsk(_ host: String) {
        let finding =
            "c:1:17: error: other machines can reach the server, and no `auth` stage asks all of them who they are "
            + "(add `- use: auth` without `when` at the top of the pipeline, or set `server.host: 127.0.0.1`)"
        #expect(findings("server: { host: \(host) }\npipeline: []\n") == [finding])
        #expect(findings("server: { host: \(host) }\npipeline: [ { use: auth, enabled: false } ]\n") == [finding])
        let withCondition = "[ { use: auth, with: { mode: key }, when: kind == chat } ]"
        #expect(findings("server: { host: \(host) }\npipeline: \(withCondition)\n").count == 1)
        #expect(findings("server: { host: \(host) }\npipeline: [ { use: auth, with: { mode: key } } ]\n") == [])
    }

    @Test func problemsOfPluginsPointAtTheOption() {
        let problem = "error: `mode`: anybody can come in"
        #expect(
            findings("server:\n  host: 0.0.0.0\npipeline:\n  - use: auth\n    with:\n      mode: none\n") == [
                "c:6:13: \(problem)"
            ])
        #expect(findings("server:\n  host: 0.0.0.0\n") == ["c:2:9: \(problem)"])
    }

    @Test func noFindingHoldsAValueOfTheEnvironment() {
        let text = """
            server: { host: "${S}", port: "${S}", max-message-size: "${S}", ping-interval: "${S}" }
            storage: { synchronous: "${S}" }
            gateways:
              - { id: "${S}", url: "${S}", token: "${S}" }
              - { id: "${S}", url: "x${S}", scopes: "${S}" }
              - "${S}"
            pipeline:
              - { use: "${S}", name: "${S}", with: "${S}" }
              - { use: "${S}", name: "${S}", mode: "${S}", enabled: "${S}", when: "${S}" }
              - { use: auth, with: { keys: "${S}" } }
              - { use: persist, with: "${S}" }
            log: "${S}"
            """
        let all = findings(text, environment: ["S": "hunter2"])
        #expect(all.count == 18)
        #expect(all.filter { $0.contains("hunter2") } == [])
    }

    @Test func filesThatCannotBeRead() throws {
        let folder = FileManager.default.temporaryDirectory.path
        let missing = folder + "/there-is-no-such-file.yaml"
        let error = #expect(throws: UnreadableFile.self) {
            try SettingsLoader.load(path: missing, environment: [:], catalog: catalog)
        }
        #expect(error?.description == "cannot read \(missing): there is no such file")
        #expect(throws: UnreadableFile.self) {
            try SettingsLoader.load(path: folder, environment: [:], catalog: catalog)
        }
    }

    @Test func filesAreReadFromDisk() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).yaml")
        try Data("server: { port: 1234 }".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let loaded = try SettingsLoader.load(path: file.path, environment: [:], catalog: catalog)
        #expect(loaded.settings?.server.port == 1234)
    }
}
