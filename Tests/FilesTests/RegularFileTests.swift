import Files
import Foundation
import Testing

@Suite struct RegularFileTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/sluice-\(UUID().uuidString)"

    private func problem(_ name: String, mayBePipe: Bool = false) -> String? {
        do throws(UnreadableFile) {
            _ = try RegularFile.read(name.hasPrefix("/") ? name : "\(folder)/\(name)", limit: 10, mayBePipe: mayBePipe)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test func filesAreReadUpToTheLimit() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data((0..<200_000).map { UInt8(truncatingIfNeeded: $0) }).write(to: URL(filePath: folder + "/large"))
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "large")
        #expect(try RegularFile.read(folder + "/large", limit: 1 << 20).count == 200_000)
        #expect(try RegularFile.read(folder + "/large", limit: 70_000).suffix(1) == [UInt8(69_999 % 256)])
        #expect(try RegularFile.read(folder + "/link", limit: 3) == [0, 1, 2])
    }

    /// None of these calls may wait for anybody.
    @Test func whatIsNoFileIsRefusedInPlainWords() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(mkfifo(folder + "/pipe", 0o600) == 0)
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "pipe")
        try FileManager.default.createSymbolicLink(atPath: folder + "/round", withDestinationPath: "round")
        #expect(problem("pipe") == "it is a named pipe, not a file")
        #expect(problem("pipe", mayBePipe: true) == "it is a named pipe, not a file")
        #expect(problem("link") == "it is a named pipe, not a file")
        #expect(problem(".") == "it is a folder, not a file")
        #expect(problem("/dev/zero") == "it is a device, not a file")
        #expect(problem("none") == "there is no such file")
        #expect(problem("pipe/none") == "there is no such file, for a part of its path is no folder")
        #expect(problem("round") == "its symbolic links lead in a circle")
    }

    @Test func whatAShellHandsOverMayBeAPipe() throws {
        let pipe = Pipe()
        pipe.fileHandleForWriting.write(Data("hello".utf8))
        try pipe.fileHandleForWriting.close()
        let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
        #expect(problem(path) == "it is a named pipe, not a file")
        #expect(try RegularFile.read(path, limit: 10, mayBePipe: true) == Array("hello".utf8))
    }
}
