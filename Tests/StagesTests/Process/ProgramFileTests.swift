import Foundation
import MiddlewareKit
import Testing

@testable import Stages

@Suite struct ProgramFileTests {
    private func problem(
        _ text: String?, permissions: Int = 0o755, arguments: [String] = []
    ) throws -> ProgramFile.Problem? {
        let file = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: file) }
        if let text {
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: file)
        } else {
            try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
        }
        return ProgramFile.problem(with: options([file] + arguments))
    }

    private func options(_ command: [String], path: String? = nil) -> ProcessOptions {
        var options = ProcessOptions()
        options.command = command
        if let path { options.environment = ["PATH": Secret(path)] }
        return options
    }

    @Test(arguments: ["#!/bin/sh\necho", "#! /usr/bin/env sh -x\n", "#!/usr/bin/env -S sh -x\n", "\u{7F}ELF"])
    func programsAreGood(text: String) throws { #expect(try problem(text) == nil) }

    @Test(arguments: [
        (
            "#!/no/such/interpreter\n",
            "its first line names the interpreter “/no/such/interpreter”, which cannot be run here"
        ),
        ("#!/usr/bin/env no-such-program\n", "its first line names the interpreter “no-such-program”"),
        ("#!/bin/sh\r\necho", "its first line ends as lines do on Windows"),
        ("#!\n", "its first line names no interpreter"),
        ("print(1)\n", "the file is no program, and its first line names no interpreter"), ("", "the file is empty"),
        (nil, "it is a folder, not a program"),
    ])
    func whatTheSystemWouldNotStartIsSaid(text: String?, words: String) throws {
        #expect(try problem(text)?.words.hasPrefix(words) == true)
    }

    @Test func filesThatMayNotBeRunAreFound() throws {
        // The administrator may run no file either that nobody may.
        #expect(try problem("#!/bin/sh\n", permissions: 0o644)?.words == "this user may not run the file")
    }

    @Test(
        arguments: [
            (["sh"], nil), (["/bin/sh", "-c", "true"], nil),
            (["no-such-program"], "it is looked for in the folders of PATH"),
            (["./no/such"], "a path begins in the folder in which the server is started"),
            (["sh -c"], "the program and its arguments are entries of their own, such as [python3, stage.py]"),
        ] as [([String], String?)])
    func namesAreLookedFor(command: [String], hint: String?) {
        #expect(ProgramFile.problem(with: options(command))?.hint == hint)
    }

    /// The program gets it, and is looked for in it.
    @Test func thePathOfTheStageCounts() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in [("own", "#!/bin/sh\n"), ("other", "#!/usr/bin/env own\n")] {
            let file = folder.appending(path: name).path()
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        }
        let path = "relative:\(folder.path())"
        #expect(ProgramFile.path(of: "own", options(["own"], path: path)) == folder.appending(path: "own").path())
        #expect(ProgramFile.problem(with: options(["own"], path: path)) == nil)
        #expect(ProgramFile.problem(with: options(["other"], path: path)) == nil)
        #expect(ProgramFile.problem(with: options(["sh"], path: path))?.hint.contains("PATH") == true)
        #expect(ProgramFile.problem(with: options(["own"]))?.hint.contains("PATH") == true)
    }

    /// To look into it would take until somebody writes to it.
    @Test(.timeLimit(.minutes(1))) func aPipeIsNotOpened() throws {
        let pipe = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)").path()
        #expect(mkfifo(pipe, 0o755) == 0)
        defer { try? FileManager.default.removeItem(atPath: pipe) }
        #expect(ProgramFile.problem(with: options([pipe]))?.words == "it is a pipe or a device, not a program")
        #expect(ProgramFile.problem(with: options(["/dev/null"]))?.words == "it is a pipe or a device, not a program")
    }
}
