// Writes the Swift file that says what MiddlewareKit was built from.
//
// Usage: KitBuildTool OUTPUT COMPILER SOURCE...
import Foundation

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count > 2 else {
    FileHandle.standardError.write(Data("usage: KitBuildTool OUTPUT COMPILER SOURCE...\n".utf8))
    exit(2)
}

/// The line of `swiftc --version` that names the version, as `sluice plugin build` reads it too.
func version(of compiler: String) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: compiler)
    process.arguments = ["--version"]
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    return text.firstMatch(of: /Swift version [^\n]*/).map { String($0.output) } ?? "an unknown Swift compiler"
}

/// FNV-1a: tells files apart, and is no protection against people.
struct Hash {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
        // Where one file ends and the next begins.
        value = (value ^ 0x100) &* 0x100_0000_01b3
    }
}

let compiler = try version(of: arguments[1])
var hash = Hash()
hash.add(compiler.utf8)
// The folder of the sources is not part of what they say.
let sources = arguments.dropFirst(2).map { URL(filePath: $0) }
    .sorted { ($0.lastPathComponent, $0.path) < ($1.lastPathComponent, $1.path) }
for source in sources {
    hash.add(source.lastPathComponent.utf8)
    hash.add(try Data(contentsOf: source))
}
let digits = String(hash.value, radix: 16)
let fingerprint = String(repeating: "0", count: 16 - digits.count) + digits
let text = """
    // Made by KitBuildTool from the files of MiddlewareKit and of what it imports. Do not edit.

    /// Which build of MiddlewareKit this is. Code that was compiled against another one does not fit.
    package enum KitBuild {
        package static let compiler = \(compiler.debugDescription)
        #if DEBUG
            package static let fingerprint = "debug_\(fingerprint)"
        #else
            package static let fingerprint = "release_\(fingerprint)"
        #endif
    }

    // A loaded library names its kit by this, so it can be compiled against no other one.
    #if DEBUG
        /// Does nothing.
        public func _kit_debug_\(fingerprint)() {}
    #else
        /// Does nothing.
        public func _kit_release_\(fingerprint)() {}
    #endif

    """
try text.write(to: URL(filePath: arguments[0]), atomically: true, encoding: .utf8)
