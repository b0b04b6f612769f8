import Foundation
import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

/// From the command of a process stage to the first word of its program.
@Suite(.timeLimit(.minutes(2))) struct ProgramStartTests {
    @Test(arguments: [
        ("print('hello', flush=True)", "the program's first line is no hello"),
        ("sys.exit(3)", "the program ended"),
        ("print('{\"protocol\":2,\"handles\":{}}', flush=True); sys.stdin.read()", "speaks version 2 of the protocol"),
        (
            "print('{\"protocol\":1,\"handles\":{\"inbound\":[\"chats\"]}}', flush=True); sys.stdin.read()",
            "wants to handle `chats`"
        ),
    ])
    func aProgramThatSaysNoProperHelloIsAnErrorAtStart(body: String, words: String) async throws {
        await #expect { try await Program.stage(Program.options(body)) { _ in } } throws: { "\($0)".contains(words) }
    }

    @Test func aProgramThatIsNotThereIsAnErrorAtStart() async throws {
        var options = ProcessOptions()
        options.command = ["/no/such/program"]
        let words = "the program “/no/such/program” could not be started: there is no such file"
        for limit in [nil, ByteSize.gibibytes(1)] {
            options.maxMemory = limit
            await #expect { try await Program.stage(options) { _ in } } throws: { "\($0)".hasPrefix(words) }
        }
    }

    /// As a path from the root, and as one from the folder of the server.
    @Test(arguments: [false, true]) func aProgramMayBeNamedByItsPath(isRelative: Bool) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "stage.py").path()
        let script = """
            #!/usr/bin/env python3
            import sys
            sys.path.insert(0, "\(Program.examples)")
            import sluice
            stage = sluice.Stage()
            @stage.inbound("chat")
            def check(message): return sluice.replace(sys.argv[1])
            stage.run()
            """
        try script.write(toFile: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        let here = FileManager.default.currentDirectoryPath.split(separator: "/").map { _ in ".." }
        var options = ProcessOptions()
        options.command = [isRelative ? here.joined(separator: "/") + file : file, "found"]
        try await Program.stage(options) { harness in
            #expect(await harness.send(Sample.chat()).message?.text == "found")
        }
    }

    @Test func namesThatAreNoVariablesAreFound() {
        let problems = { (name: String) in
            PluginOptions.read(ProcessPlugin.self, ["command": ["sh"], "environment": .variable(name)]).problems
        }
        #expect(problems("A_B") == [])
        #expect(
            problems("A=B") == [
                #"`environment` must not have the name "A=B": a variable's name is not empty, and holds no `=`"#
            ])
    }

    @Test func aProgramThatSaysNothingIsGivenUp() async throws {
        let time = ManualTime()
        async let start: Void = Program.stage(Program.options("sys.stdin.read()"), time: time) { _ in }
        await time.waitForSleepers(1)
        time.advance(by: .seconds(10))
        do {
            try await start
            Issue.record("it started")
        } catch {
            #expect("\(error)" == "the program said no hello within 10s")
        }
    }
}

extension ConfigNode {
    /// A mapping with one key.
    fileprivate static func variable(_ name: String) -> ConfigNode { ConfigNode(dictionaryLiteral: (name, "x")) }
}
