import Foundation
import FoundationNetworking
import JSON
import OpenClawTesting

enum Soak {
    static let steadyCount = 30
    static let flappingCount = 20
    static let count = steadyCount + flappingCount
}

/// The server under test, a process of its own in a folder of its own.
final class SoakedServer: Sendable {
    let port: Int
    private let process: Process
    private let folder: URL

    private init(port: Int, process: Process, folder: URL) {
        self.port = port
        self.process = process
        self.folder = folder
    }

    static func start(binary: String, gateways: [FakeGateway]) async throws -> SoakedServer {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-soak-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var configuration = """
            server: { port: 0 }
            log: { level: error }
            pipeline: [ { use: auth, with: { mode: none } }, { use: thinking-strip }, { use: persist } ]
            gateways:

            """
        for (index, gateway) in gateways.enumerated() {
            configuration += "  - { id: g\(index), url: \"\(await gateway.url)\" }\n"
        }
        try Data(configuration.utf8).write(to: folder.appending(path: "config.yaml"))
        let process = Process()
        process.executableURL = URL(filePath: binary)
        process.arguments = ["serve", "--config", "config.yaml"]
        process.currentDirectoryURL = folder
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        var text = ""
        while true {
            let piece = output.fileHandleForReading.availableData
            guard !piece.isEmpty else { break }
            text += String(decoding: piece, as: UTF8.self)
            guard let match = text.firstMatch(of: /http:\/\/127\.0\.0\.1:(\d+)\s/), let port = Int(match.1) else {
                continue
            }
            return SoakedServer(port: port, process: process, folder: folder)
        }
        throw SoakFailure("the server did not start")
    }

    var residentKiB: Int {
        let path = "/proc/\(process.processIdentifier)/status"
        let status = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return Int(line.filter(\.isNumber)) ?? 0
    }

    var openFiles: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processIdentifier)/fd").count) ?? 0
    }

    /// - Returns: False: not all gateways were connected before the time was over.
    func isConnected(to count: Int, within patience: Duration) async throws -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + patience
        guard let url = URL(string: "http://127.0.0.1:\(port)/api/gateways") else { return false }
        while clock.now < end {
            let (data, _) = try await URLSession.shared.data(from: url)
            let gateways = try JSONValue(parsing: String(decoding: data, as: UTF8.self)).array ?? []
            if gateways.count == count, gateways.allSatisfy({ $0["connected"] == true }) { return true }
            try await Task.sleep(for: .milliseconds(500))
        }
        return false
    }

    /// - Returns: Whether it ended by itself, as it was asked to.
    func stop() async -> Bool {
        process.terminate()
        for _ in 0..<200 where process.isRunning { try? await Task.sleep(for: .milliseconds(50)) }
        let isDone = !process.isRunning
        if !isDone { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(at: folder)
        return isDone && process.terminationStatus == 0
    }
}

struct SoakFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
