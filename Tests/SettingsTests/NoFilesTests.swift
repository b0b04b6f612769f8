import Files
import Foundation
import MiddlewareKit
import Settings
import Testing

/// What stands where a file should be, and would hold up whoever reads it.
@Suite(.timeLimit(.minutes(1))) struct NoFilesTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try #require(mkfifo(folder.path + "/pipe", 0o600) == 0)
    }

    @Test(arguments: [
        ("include: [pipe]", "it is a named pipe, not a file"),
        ("include: [/dev/zero]", "it is a device, not a file"),
        ("plugins: [pipe]", "it is a named pipe, not a file"),
        ("log: { level: \"${file:pipe}\" }", "it is a named pipe, not a file"),
        ("log: { level: \"${file:.}\" }", "it is a folder, not a file"),
        ("log: { level: \"${file:/dev/stdin}\" }", "not a file"),
    ])
    func isRefusedInPlainWords(text: String, reason: String) throws {
        try folder.write("config.yaml", text + "\n")
        let findings = try folder.load().findings.all.map(\.message)
        #expect(findings.count == 1, "\(findings)")
        #expect(findings.first?.hasPrefix("cannot read ") == true && findings.first?.hasSuffix(reason) == true)
    }

    @Test func theMainFileMayBeHandedOverByAShell() throws {
        #expect(throws: UnreadableFile(path: folder.path, reason: "it is a folder, not a file")) {
            _ = try SettingsLoader.load(path: folder.path, environment: [:], catalog: catalog)
        }
        let pipe = Pipe()
        pipe.fileHandleForWriting.write(Data("log: { level: debug }\n".utf8))
        try pipe.fileHandleForWriting.close()
        let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
        #expect(throws: UnreadableFile(path: path, reason: "it is a named pipe, not a file")) {
            _ = try SettingsLoader.load(path: path, environment: [:], catalog: catalog)
        }
        let loaded = try SettingsLoader.load(path: path, environment: [:], catalog: catalog, mayBePipe: true)
        #expect(loaded.settings?.log.level.rawValue == "debug")
    }
}
