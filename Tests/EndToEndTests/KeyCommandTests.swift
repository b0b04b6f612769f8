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
        let none = try await Self.run(["list"], folder)
        #expect(none.code == 0 && none.output.isEmpty)
        #expect(none.errors.contains("sluice key create --user NAME"))

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

    @Test(arguments: ["", "anonymous", "a\u{7}b"])
    func aUserNeedsAName(name: String) async throws {
        let folder = try SluiceProcess.makeFolder()
        try Data().write(to: folder.appending(path: "config.yaml"))
        let result = try await Self.run(["create", "--user", name], folder)
        #expect(result.code != 0 && result.output.isEmpty)
        #expect(result.errors.contains("--user must be a name of 1 to 100 characters"))
    }
}
