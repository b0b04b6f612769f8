import Foundation

/// The Swift compiler of this machine.
package struct SwiftCompiler: Sendable {
    private let executable: URL

    /// - Parameter name: A path, or a name that is looked for on PATH.
    package init(_ name: String, path: String) throws(BuildFailure) {
        let candidates =
            name.contains("/")
            ? [URL(filePath: name).absoluteURL] : path.split(separator: ":").map { URL(filePath: "\($0)/\(name)") }
        guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) }) else {
            throw BuildFailure(
                name.contains("/")
                    ? "there is no Swift compiler at \(name)" : "the Swift compiler `\(name)` is not on PATH",
                hint: "install the Swift that built Sluice (\(ServerBuild.own(version: "").compiler)), or name its "
                    + "`swiftc` with --swiftc")
        }
        executable = found
    }

    /// As in `Swift version 6.2 (swift-6.2-RELEASE)`.
    func version() throws(BuildFailure) -> String {
        let (_, output) = try run(["--version"])
        guard let match = output.firstMatch(of: /Swift version [^\n]*/) else {
            throw BuildFailure("\(executable.path) is no Swift compiler: it says no version")
        }
        return String(match.output)
    }

    /// Runs it to its end.
    func run(_ arguments: [String], in folder: URL? = nil) throws(BuildFailure) -> (code: Int32, output: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = executable
        process.arguments = arguments
        if let folder { process.currentDirectoryURL = folder }
        process.standardOutput = pipe
        process.standardError = pipe
        do {
            try process.run()
            let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: output, as: UTF8.self))
        } catch {
            throw BuildFailure("the Swift compiler \(executable.path) does not start: \(systemReason(of: error))")
        }
    }
}
