import Foundation
import Testing

/// `sluice explain`, with the real binary.
@Suite struct ExplainCommandTests {
    private static func explain(_ arguments: String...) async throws -> (code: Int32, output: String, errors: String) {
        let folder = try SluiceProcess.makeFolder()
        let text = """
            pipeline: [ { use: auth, with: { mode: none } } ]
            chains: { own: { remove: [] } }
            attach: [ { chain: own, when: "session == 'agent:main:web' and agent == main" } ]
            """
        try Data(text.utf8).write(to: folder.appending(path: "config.yaml"))
        return try await SluiceProcess.run(["explain"] + arguments, in: folder)
    }

    /// As the server does, before a condition sees the key.
    @Test(arguments: ["web", " Web ", "agent:main:web"])
    func theSessionKeyIsCompleted(key: String) async throws {
        let result = try await Self.explain("--session", key)
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.hasPrefix("Chain: own ("), "\(result.output)")
        #expect(result.output.contains("Session: agent:main:web\n"))
    }

    @Test(arguments: [["--user", "ada"], ["--user", "bob"], ["--user", "ada", "--group", "guests"]])
    func theGroupsOfTheConfigurationAreKnown(arguments: [String]) async throws {
        let folder = try SluiceProcess.makeFolder()
        let text = """
            pipeline: [ { use: auth, with: { mode: api-keys, groups: { staff: [ada] } } } ]
            chains: { inner: { remove: [] } }
            attach: [ { chain: inner, when: staff in groups } ]
            """
        try Data(text.utf8).write(to: folder.appending(path: "config.yaml"))
        let result = try await SluiceProcess.run(["explain"] + arguments, in: folder)
        #expect(result.output.hasPrefix("Chain: inner (") == (arguments == ["--user", "ada"]), "\(result.output)")
    }

    /// What is only likely not meant is for those who check a file, not for every command that reads it.
    @Test func warningsAreForCheck() async throws {
        let folder = try SluiceProcess.makeFolder()
        let file = folder.appending(path: "config.yaml")
        try Data("gateways: [ { id: home, url: \"ws://127.0.0.1:9\", token: hunter2 } ]\n".utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path())
        let explained = try await SluiceProcess.run(["explain"], in: folder)
        #expect(explained.code == 0 && explained.errors == "")
        let checked = try await SluiceProcess.run(["check"], in: folder)
        #expect(checked.code == 0 && checked.errors.contains("a secret stands here in clear"))
    }

    /// As `check` takes it.
    @Test func theFileIsNamedByItsPlaceOrByAnOption() async throws {
        let folder = try SluiceProcess.makeFolder()
        for (file, kind) in [("config.yaml", "persist"), ("other.yaml", "cache")] {
            try Data("pipeline: [ { use: \(kind) } ]\n".utf8).write(to: folder.appending(path: file))
        }
        for (arguments, kind) in [([], "persist"), (["other.yaml"], "cache"), (["--config", "other.yaml"], "cache")] {
            let result = try await SluiceProcess.run(["explain"] + arguments + ["--kind", "chat"], in: folder)
            #expect(result.output.contains("\n1. in   \(kind): "), "\(arguments): \(result.output)\(result.errors)")
        }
        let both = try await SluiceProcess.run(["explain", "other.yaml", "--config", "config.yaml"], in: folder)
        #expect(both.code == 64 && both.errors.contains("Name one file"))
        let missing = try await SluiceProcess.run(["explain", "missing.yaml"], in: folder)
        #expect(missing.code == 2 && missing.errors.contains("missing.yaml"))
    }

    @Test func whatMakesNoSenseIsRefused() async throws {
        let address = try await Self.explain("--ip", "nonsense")
        #expect(address.code == 64 && address.errors.contains("--ip must be an address such as 192.168.1.5"))
        let agent = try await Self.explain("--session", "web", "--agent", "support")
        #expect(agent.code == 64 && agent.errors.contains("whose agent is “main”, not “support”"))
        #expect(try await Self.explain("--ip", "::1", "--agent", "support").code == 0)
    }
}
