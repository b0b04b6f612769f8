import Foundation
import Testing

/// `sluice key`.
@Suite(.timeLimit(.minutes(1))) struct KeyCommandTests {
    private static func run(_ arguments: [String], _ folder: URL) async throws -> (
        code: Int32, output: String, errors: String
    ) {
        try await SluiceProcess.run(["key"] + arguments, in: folder)
    }

    @Test func keysAreMadeListedAndRevoked() async throws {
        let folder = try SluiceProcess.makeFolder()
        try Data().write(to: folder.appending(path: "config.yaml"))
        let made = try await Self.run(["create", "--user", "ada", "--admin"], folder)
        #expect(made.code == 0)
        let key = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let parts = key.split(separator: "_", maxSplits: 2).map(String.init)
        #expect(parts.count == 3 && parts[0] == "sluice")
        let (id, secret) = (parts[1], parts[2])

        let list = try await Self.run(["list"], folder)
        #expect(list.output.contains("\(id)  ada   administrator"))
        #expect(list.output.contains("active"))
        #expect(!list.output.contains(secret))

        let revoked = try await Self.run(["revoke", id], folder)
        #expect(revoked.code == 0 && revoked.output.contains("The key \(id) is revoked."))
        #expect(try await Self.run(["list"], folder).output.contains("revoked 2"))
        #expect(try await Self.run(["revoke", id], folder).code == 0)
        let unknown = try await Self.run(["revoke", "nobody"], folder)
        #expect(unknown.code == 1 && unknown.errors.contains("no key with the id nobody"))
    }

    /// In the wrong folder, most likely.
    @Test func lookingMakesNoDatabase() async throws {
        let folder = try SluiceProcess.makeFolder()
        try Data("storage: { path: ./data/chat.db }\n".utf8).write(to: folder.appending(path: "config.yaml"))
        for arguments in [["list"], ["revoke", "x"]] {
            let result = try await Self.run(arguments, folder)
            #expect(result.code == 1 && result.output.isEmpty)
            #expect(result.errors.contains("there is no database at /"))
            #expect(result.errors.contains("/data/chat.db, where config.yaml has it"))
            #expect(result.errors.contains("--config FILE"))
        }
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "data").path))
    }

    @Test(arguments: ["", "anonymous", "a\u{7}b", "a\u{202E}b", "a\u{200B}", "a\u{2028}b"])
    func aUserNeedsAName(name: String) async throws {
        let folder = try SluiceProcess.makeFolder()
        try Data().write(to: folder.appending(path: "config.yaml"))
        let result = try await Self.run(["create", "--user", name], folder)
        #expect(result.code != 0 && result.output.isEmpty)
        #expect(result.errors.contains("--user must be a name of 1 to 100 characters"))
    }
}
