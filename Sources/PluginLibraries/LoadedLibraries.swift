import Crypto
package import Foundation
import MiddlewareKit
package import Settings
import Synchronization

/// The libraries whose code is part of this process. They stay so until it ends: Swift code cannot be taken out again.
package final class LoadedLibraries: StageLibraries {
    private let build: ServerBuild
    /// By their bytes. One that came to nothing is not loaded again either.
    private let libraries = Mutex<[SHA256Digest: Result<StageLibrary, UnusableLibrary>]>([:])

    package init(build: ServerBuild) { self.build = build }

    package func library(_ bytes: Data, named name: String) throws(UnusableLibrary) -> StageLibrary {
        // Nothing of a library runs before its record fits.
        let record = try PluginRecord(in: bytes)
        try record.requireFit(with: build)
        let digest = SHA256.hash(data: bytes)
        return try libraries.withLock { (libraries) throws(UnusableLibrary) in
            if let known = libraries[digest] { return try known.get() }
            let plugins = try Self.load(bytes, named: name)
            let kinds = plugins.map { $0.kind }
            let result: Result<StageLibrary, UnusableLibrary> =
                kinds.sorted() == record.kinds.sorted()
                ? .success(StageLibrary(plugins: plugins, fingerprint: digest.shortened))
                : .failure(
                    UnusableLibrary(
                        "says that it holds \(Self.list(record.kinds)), but it holds \(Self.list(kinds))",
                        hint: "write each kind as `static let kind = \"my-rules\"`, and build it again"))
            libraries[digest] = result
            return try result.get()
        }
    }

    /// Loads a copy of the file. The dynamic linker knows files by their path, so a library that was built again would
    /// not be loaded; and writing over a file whose code is running would end the process.
    private static func load(_ bytes: Data, named name: String) throws(UnusableLibrary) -> [any MiddlewarePlugin.Type] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-plugins-\(UUID().uuidString)")
        let copy = folder.appending(path: name)
        defer { try? FileManager.default.removeItem(at: folder) }
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            try bytes.write(to: copy)
        } catch {
            throw UnusableLibrary(
                "could not be copied to \(folder.deletingLastPathComponent().path): \(systemReason(of: error))",
                hint: "set TMPDIR to a folder with space in which programs may run")
        }
        guard let handle = dlopen(copy.path, RTLD_NOW | RTLD_LOCAL) else {
            let words = dlerror().map { String(cString: $0) } ?? ""
            throw UnusableLibrary(linker: words, copy: copy.path)
        }
        guard let symbol = dlsym(handle, PluginEntry.typesSymbol) else { return [] }
        // The symbol is the function that PluginEntry writes, compiled against this kit: the record says so. `dlsym` gives
        // addresses without a type.
        typealias Types = @convention(c) (UnsafeMutableRawPointer) -> Void
        let types = unsafeBitCast(symbol, to: Types.self)
        var plugins: [any MiddlewarePlugin.Type] = []
        // C functions cannot return Swift arrays; so it sets a variable whose type both sides know.
        withUnsafeMutablePointer(to: &plugins) { types($0) }
        return plugins
    }

    private static func list(_ kinds: [String]) -> String {
        kinds.isEmpty ? "no stages" : kinds.map { "`\($0)`" }.joined(separator: ", ")
    }
}

extension Digest {
    /// As much of it as tells a few files from each other.
    var shortened: String { prefix(6).map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined() }
}

extension UnusableLibrary {
    /// What the dynamic linker says, in words for the person who wrote the configuration.
    init(linker words: String, copy: String) {
        if let match = words.firstMatch(of: /undefined symbol: (\S+)|[Ss]ymbol not found: (\S+)/) {
            let symbol = match.1 ?? match.2 ?? ""
            self.init("does not fit this Sluice, which has no `\(symbol)`", hint: PluginRecord.rebuild)
        } else if let match = words.firstMatch(of: /^(\S+): cannot open shared object file/), match.1 != copy {
            self.init("needs the library \(match.1), which is not on this machine", hint: "install it")
        } else if words.contains("failed to map segment") || words.contains("Operation not permitted") {
            let folder = FileManager.default.temporaryDirectory.path
            self.init(
                "cannot be loaded, for no program may run in \(folder)",
                hint: "set TMPDIR to a folder in which programs may run")
        } else {
            let reason = words.replacing("\(copy): ", with: "")
            self.init("cannot be loaded: \(reason)", hint: PluginRecord.rebuild)
        }
    }
}
