import Files
import Foundation
import MiddlewareKit

/// The file of a program, looked at as the system would when it starts it.
enum ProgramFile {
    /// Why the program of a command would not start, in words that stand behind its name, and what to do.
    struct Problem: Equatable {
        let words: String
        let hint: String
    }

    /// Where the program is; nil: nowhere.
    static func path(of program: String, _ options: ProcessOptions) -> String? {
        program.contains("/")
            ? FileManager.default.fileExists(atPath: program) ? program : nil
            : searchPath(options).map { "\($0)/\(program)" }.first(where: isRunnable)
    }

    /// Nil: nothing speaks against it.
    static func problem(with options: ProcessOptions) -> Problem? {
        guard let program = options.command.first else { return nil }
        guard let path = path(of: program, options) else {
            if options.command.count == 1, program.contains(" ") {
                return Problem(
                    words: "there is no program of this name that can be run",
                    hint: "the program and its arguments are entries of their own, such as [python3, stage.py]")
            }
            return program.contains("/")
                ? Problem(
                    words: "there is no such file", hint: "a path begins in the folder in which the server is started")
                : Problem(
                    words: "there is no program of this name that can be run",
                    hint: "it is looked for in the folders of PATH")
        }
        if isFolder(path) { return Problem(words: "it is a folder, not a program", hint: "name a file in it") }
        guard isFile(path) else {
            return Problem(words: "it is a pipe or a device, not a program", hint: "name the file of a program")
        }
        guard FileManager.default.isExecutableFile(atPath: path) else {
            return Problem(
                words: "this user may not run the file",
                hint: "`chmod +x` lets it be run; or name its interpreter first, such as [python3, stage.py]")
        }
        return beginningProblem(path, options)
    }

    /// The system looks at the first bytes of a file to know how to run it.
    private static func beginningProblem(_ path: String, _ options: ProcessOptions) -> Problem? {
        // A file that may be run need not be readable.
        guard let bytes = try? RegularFile.read(path, limit: 256) else { return nil }
        if bytes.isEmpty { return Problem(words: "the file is empty", hint: "write the program into it") }
        guard bytes.starts(with: "#!".utf8) else {
            return magics.contains { bytes.starts(with: $0) }
                ? nil
                : Problem(
                    words: "the file is no program, and its first line names no interpreter",
                    hint:
                        "begin it with a line such as #!/usr/bin/env python3, or name the interpreter first in `command`"
                )
        }
        let line = String(decoding: bytes.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        let words = line.split { $0 == " " || $0 == "\t" }.map { String($0) }
        guard let interpreter = words.first else {
            return Problem(words: "its first line names no interpreter", hint: "write one behind `#!`")
        }
        if line.hasSuffix("\r") {
            return Problem(
                words: "its first line ends as lines do on Windows, and the system takes that for a part of the name",
                hint: "save the file with the line ends of Unix")
        }
        let isEnv = interpreter.hasSuffix("/env") && words.count > 1 && !words[1].hasPrefix("-")
        for name in isEnv ? [interpreter, words[1]] : [interpreter] where !isThere(name, options) {
            return Problem(
                words: "its first line names the interpreter “\(name)”, which cannot be run here",
                hint: "install it, or name another one in the first line")
        }
        return nil
    }

    private static func isThere(_ interpreter: String, _ options: ProcessOptions) -> Bool {
        path(of: interpreter, options).map(isRunnable) ?? false
    }

    private static func isRunnable(_ path: String) -> Bool {
        FileManager.default.isExecutableFile(atPath: path) && isFile(path)
    }

    private static func isFile(_ path: String) -> Bool { FileFacts(of: path)?.isFile ?? false }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// The folders that the program will find other programs in, and that it is looked for in.
    private static func searchPath(_ options: ProcessOptions) -> [Substring] {
        let path = options.environment["PATH"]?.revealed ?? ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").filter { $0.hasPrefix("/") }
    }

    /// How programs begin: ELF, and the formats of macOS.
    private static let magics: [[UInt8]] = [
        [0x7F, 0x45, 0x4C, 0x46], [0xCF, 0xFA, 0xED, 0xFE], [0xCE, 0xFA, 0xED, 0xFE], [0xFE, 0xED, 0xFA, 0xCF],
        [0xFE, 0xED, 0xFA, 0xCE], [0xCA, 0xFE, 0xBA, 0xBE],
    ]
}
