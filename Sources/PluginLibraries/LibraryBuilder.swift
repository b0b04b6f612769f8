import Files
package import Foundation
import PluginSources
package import Settings

/// Why a library was not built, in words.
package struct BuildFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let problem: String
    /// What to do about it.
    package let hint: String?

    init(_ problem: String, hint: String? = nil) {
        self.problem = problem
        self.hint = hint
    }

    package var description: String { problem + (hint.map { " (\($0))" } ?? "") }
}

/// Makes a library from a folder of Swift files.
///
/// The library has no MiddlewareKit of its own: it finds that of the server when it is loaded. A second one would have the
/// same types again, and no stage would be one for the server.
package struct LibraryBuilder: Sendable {
    private let build: ServerBuild
    private let modules: URL
    private let compiler: SwiftCompiler
    private let taken: Set<String>

    #if os(Linux)
        package static let suffix = "so"
    #else
        package static let suffix = "dylib"
    #endif

    /// - Parameters:
    ///   - modules: The folder in which the build of this program left `MiddlewareKit.swiftmodule`.
    ///   - taken: The kinds that every Sluice has itself.
    package init(build: ServerBuild, modules: URL, compiler: SwiftCompiler, taken: Set<String> = []) {
        self.build = build
        self.modules = modules
        self.compiler = compiler
        self.taken = taken
    }

    /// Compiles the files of a folder, and loads what comes of it to be sure that it can be loaded.
    /// - Parameter output: Where the library is put. A file there is replaced, which does not disturb a server that uses it.
    /// - Returns: The stages, and what the compiler said.
    package func build(_ folder: URL, to output: URL) throws(BuildFailure) -> (library: StageLibrary, notes: String) {
        let sources = try Sources(folder)
        if let kind = sources.kinds.first(where: taken.contains) {
            throw BuildFailure(
                "Sluice itself has a stage of the kind `\(kind)`, and would not load another one beside it",
                hint: "give the stage another kind")
        }
        try checkPlace(output)
        try checkTools()
        return try inTemporaryFolder { (work) throws(BuildFailure) in
            let product = work.appending(path: output.lastPathComponent)
            let notes = try compile(sources, to: product, in: work)
            do {
                let bytes = try Data(contentsOf: product)
                let library = try LoadedLibraries(build: build).library(bytes, named: output.lastPathComponent)
                try bytes.write(to: output, options: .atomic)
                return (library, notes)
            } catch let error as UnusableLibrary {
                throw BuildFailure("the library \(error.problem)", hint: error.hint)
            } catch {
                throw BuildFailure("cannot write \(output.path): \(systemReason(of: error))")
            }
        }
    }

    private func checkPlace(_ output: URL) throws(BuildFailure) {
        let folder = output.deletingLastPathComponent()
        if output.isFolder {
            let file = output.appending(path: "MyRules.\(Self.suffix)").path
            throw BuildFailure("\(output.path) is a folder", hint: "name the file to write, such as \(file)")
        }
        guard folder.isFolder else {
            throw BuildFailure(
                "there is no folder \(folder.path) to write to", hint: "make it first, or name another file")
        }
        guard FileManager.default.isWritableFile(atPath: folder.path) else {
            throw BuildFailure("this user may not write to \(folder.path)", hint: "name another file with -o")
        }
    }

    private func checkTools() throws(BuildFailure) {
        let version = try compiler.version()
        guard version == build.compiler else {
            throw BuildFailure(
                "this Sluice was built by \(build.compiler), and the compiler here is \(version)",
                hint: "name the `swiftc` of the other one with --swiftc, or build Sluice again")
        }
        let module = modules.appending(path: "MiddlewareKit.swiftmodule")
        guard FileManager.default.fileExists(atPath: module.path) else {
            throw BuildFailure(
                "there is no MiddlewareKit.swiftmodule in \(modules.path)",
                hint: "`make build` leaves it in the folder Modules beside `sluice`; name the folder with --modules")
        }
    }

    private func compile(_ sources: Sources, to product: URL, in work: URL) throws(BuildFailure) -> String {
        let entry = "SluicePluginEntry.swift"
        let record = PluginRecord(build: build, kinds: sources.kinds)
        let visible = work.appending(path: "Modules")
        do {
            // Other modules of the server are no part of the contract, and so not to be seen.
            try FileManager.default.createDirectory(at: visible, withIntermediateDirectories: false)
            for name in ["MiddlewareKit.swiftmodule", "Logging.swiftmodule"] {
                try FileManager.default.createSymbolicLink(
                    at: visible.appending(path: name),
                    withDestinationURL: modules.standardizedFileURL.appending(path: name))
            }
            try PluginEntry(record: record, types: sources.types).source
                .write(to: work.appending(path: entry), atomically: false, encoding: .utf8)
        } catch {
            throw BuildFailure("cannot write to \(work.path): \(systemReason(of: error))")
        }
        let linker = LibraryHeader.ownSystem == .linux ? [] : ["-Xlinker", "-undefined", "-Xlinker", "dynamic_lookup"]
        let (code, output) = try compiler.run(
            [
                "-emit-library", "-parse-as-library", "-O", "-whole-module-optimization", "-swift-version", "6",
                "-enable-upcoming-feature", "ExistentialAny", "-enable-upcoming-feature", "MemberImportVisibility",
                "-enable-upcoming-feature", "InternalImportsByDefault", "-module-name", moduleName(),
                "-I", visible.lastPathComponent, "-o", product.lastPathComponent,
            ] + linker + sources.files.map { $0.path } + [entry], in: work)
        guard code == 0 else {
            guard !output.contains("cannot find '_kit_\(build.kit)'") else {
                throw BuildFailure(
                    "the modules in \(modules.path) belong to another build of Sluice",
                    hint: "build Sluice again, or name the right folder with --modules")
            }
            throw BuildFailure("the Swift compiler refused the files:\n\(output)")
        }
        return output
    }

    /// A name that no other module of the process has: neither one of the server, nor an earlier build of these files.
    private func moduleName() -> String { "Plugin_\(UUID().uuidString.replacing("-", with: "_"))" }

    private func inTemporaryFolder<Result>(
        _ body: (URL) throws(BuildFailure) -> Result
    ) throws(BuildFailure) -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-build-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        } catch {
            throw BuildFailure("cannot make the folder \(folder.path): \(systemReason(of: error))")
        }
        return try body(folder)
    }
}

extension URL {
    fileprivate var isFolder: Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}

/// The Swift files of a folder, and the stages that they are seen to make.
private struct Sources {
    let files: [URL]
    let types: [String]
    let kinds: [String]

    init(_ folder: URL) throws(BuildFailure) {
        guard folder.isFolder else {
            throw BuildFailure("there is no folder \(folder.path)", hint: "name a folder of Swift files")
        }
        let all = FileManager.default.enumerator(
            at: folder, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles])
        files = (all?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
            .sorted { $0.path < $1.path }
        guard !files.isEmpty else {
            throw BuildFailure(
                "there are no Swift files in \(folder.path)", hint: "`sluice stage new` makes an example")
        }
        var texts: [String] = []
        for file in files {
            do throws(UnreadableFile) {
                texts.append(String(decoding: try RegularFile.read(file.path, limit: 16 << 20), as: UTF8.self))
            } catch {
                throw BuildFailure("\(error)")
            }
        }
        types = texts.flatMap(PluginSource.all).map(\.name)
        kinds = texts.flatMap(PluginSource.kinds)
        guard !types.isEmpty else {
            throw BuildFailure(
                "no type in \(folder.path) makes stages",
                hint: "declare one as `enum MyRulesPlugin: MiddlewarePlugin`, on one line")
        }
        guard kinds.count == types.count, Set(kinds).count == kinds.count, kinds.allSatisfy(Self.isKind) else {
            throw BuildFailure(
                "the kinds of the stages in \(folder.path) are not clear",
                hint:
                    "write each as `static let kind = \"my-rules\"`, of small letters, digits and hyphens, each another"
            )
        }
    }

    private static func isKind(_ text: String) -> Bool { text.wholeMatch(of: /[a-z0-9][a-z0-9_-]{0,63}/) != nil }
}
