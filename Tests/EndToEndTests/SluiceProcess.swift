import Foundation
import Synchronization

/// The real binary, started with a configuration in a folder of its own.
final class SluiceProcess: Sendable {
    let folder: URL
    private let process: Process
    private let output = Pipe()

    /// The binary that the test run built, beside the test bundle.
    static let binary: URL = {
        var folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        while folder.path() != "/" {
            let candidate = folder.appending(path: "sluice")
            if FileManager.default.isExecutableFile(atPath: candidate.path()) { return candidate }
            folder.deleteLastPathComponent()
        }
        return URL(filePath: ".build/debug/sluice")
    }()

    /// - Parameter isRead: Whether anybody reads what it prints.
    init(folder: URL, arguments: [String], isRead: Bool = true) throws {
        self.folder = folder
        process = Process()
        process.executableURL = Self.binary
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardOutput = output
        if !isRead { try output.fileHandleForReading.close() }
        let log = folder.appending(path: "log.txt")
        try Data().write(to: log)
        process.standardError = try FileHandle(forWritingTo: log)
        try process.run()
    }

    static func makeFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Starts `serve` and waits for the line that tells the address.
    static func serve(in folder: URL, configuration: String, demo: Bool = false) async throws -> (
        SluiceProcess, port: Int
    ) {
        try Data(configuration.utf8).write(to: folder.appending(path: "config.yaml"))
        let server = try SluiceProcess(
            folder: folder, arguments: ["serve", "--config", "config.yaml"] + (demo ? ["--demo"] : []))
        var text = ""
        for await piece in server.output.pieces {
            text += String(decoding: piece, as: UTF8.self)
            let match = text.firstMatch(of: /https?:\/\/(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)\s/)
            if let port = match.flatMap({ Int($0.1) }) {
                return (server, port)
            }
        }
        throw StartError()
    }

    /// Starts `gateway fake` on a free port and waits for the line that tells the address.
    static func fakeGateway(in folder: URL, _ arguments: [String]) async throws -> (SluiceProcess, url: String) {
        let process = try SluiceProcess(folder: folder, arguments: ["gateway", "fake", "--port", "0"] + arguments)
        var text = ""
        for await piece in process.output.pieces {
            text += String(decoding: piece, as: UTF8.self)
            if let match = text.firstMatch(of: /(ws:\/\/127\.0\.0\.1:\d+)\s/) { return (process, String(match.1)) }
        }
        throw StartError()
    }

    struct StartError: Error {}

    /// How much memory the process holds.
    var residentBytes: Int {
        get throws {
            let figures = try String(contentsOfFile: "/proc/\(process.processIdentifier)/statm", encoding: .utf8)
            let pages = figures.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            return (pages ?? 0) * sysconf(Int32(_SC_PAGESIZE))
        }
    }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// The exit code, once the process has ended.
    func wait() async -> Int32 {
        await withCheckedContinuation { continuation in
            let isTold = Mutex(false)
            let tell: @Sendable (Process) -> Void = { process in
                let isFirst = isTold.withLock { told in
                    defer { told = true }
                    return !told
                }
                if isFirst { continuation.resume(returning: process.terminationStatus) }
            }
            process.terminationHandler = tell
            if !process.isRunning { tell(process) }
        }
    }

    /// Runs a command to its end: exit code, standard output, standard error.
    static func run(
        _ arguments: [String], in folder: URL, environment: [String: String] = [:], input: String? = nil
    ) async throws -> (code: Int32, output: String, errors: String) {
        let process = Process()
        let (output, errors) = (folder.appending(path: "stdout.txt"), folder.appending(path: "stderr.txt"))
        for file in [output, errors] { try Data().write(to: file) }
        process.executableURL = binary
        process.arguments = arguments
        if !environment.isEmpty {
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        }
        process.currentDirectoryURL = folder
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        if let input {
            let file = folder.appending(path: "stdin.txt")
            try Data(input.utf8).write(to: file)
            process.standardInput = try FileHandle(forReadingFrom: file)
        }
        let (ended, continuation) = AsyncStream<Void>.makeStream()
        process.terminationHandler = { _ in continuation.finish() }
        try process.run()
        for await _ in ended {}
        return (
            process.terminationStatus, try String(contentsOf: output, encoding: .utf8),
            try String(contentsOf: errors, encoding: .utf8)
        )
    }
}

extension Pipe {
    /// What is written to the pipe, until its end.
    fileprivate var pieces: AsyncStream<Data> {
        let (pieces, continuation) = AsyncStream<Data>.makeStream()
        fileHandleForReading.readabilityHandler = { handle in
            let piece = handle.availableData
            if piece.isEmpty {
                handle.readabilityHandler = nil
                continuation.finish()
            } else {
                continuation.yield(piece)
            }
        }
        return pieces
    }
}
