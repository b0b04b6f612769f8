import Foundation
import Testing

@testable import PluginLibraries

/// What `sluice plugin build` says when it cannot build. That it can is tested with the real binary.
@Suite struct LibraryBuilderTests {
    private final class Folder {
        let url = FileManager.default.temporaryDirectory.appending(path: "sluice build \(UUID().uuidString)")

        init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false) }

        deinit { try? FileManager.default.removeItem(at: url) }

        @discardableResult
        func write(_ name: String, _ text: String, isProgram: Bool = false) throws -> URL {
            let file = url.appending(path: name)
            try Data(text.utf8).write(to: file)
            if isProgram {
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
            }
            return file
        }

        /// A compiler that says what it is, and then something else.
        func compiler(_ version: String = LibraryBytes.own.compiler, says words: String = "") throws -> SwiftCompiler {
            let script = """
                #!/bin/sh
                [ "$1" = --version ] && { echo 'swift-driver version: 1 \(version)'; exit 0; }
                cat <<'END'
                \(words)
                END
                exit 1
                """
            return try SwiftCompiler(try write("swiftc", script, isProgram: true).path, path: "")
        }
    }

    private static let plugin = "enum A: MiddlewarePlugin {\n    static let kind = \"a\"\n}\n"

    private func problem(_ folder: Folder, modules: URL? = nil, _ compiler: SwiftCompiler) throws -> String {
        let builder = LibraryBuilder(build: LibraryBytes.own, modules: modules ?? folder.url, compiler: compiler)
        do throws(BuildFailure) {
            _ = try builder.build(folder.url, to: folder.url.appending(path: "a.so"))
            return ""
        } catch {
            return error.description.replacing(folder.url.path, with: "DIR")
        }
    }

    /// Told before anything is compiled.
    @Test func aPlaceThatCannotBeWrittenToIsNamed() throws {
        let folder = try Folder()
        try folder.write("a.swift", Self.plugin)
        let builder = LibraryBuilder(build: LibraryBytes.own, modules: folder.url, compiler: try folder.compiler())
        func problem(_ output: URL) -> String {
            do throws(BuildFailure) {
                _ = try builder.build(folder.url, to: output)
                return ""
            } catch {
                return error.description.replacing(folder.url.path, with: "DIR")
            }
        }
        let file = "DIR/MyRules.\(LibraryBuilder.suffix)"
        #expect(problem(folder.url) == "DIR is a folder (name the file to write, such as \(file))")
        #expect(
            problem(folder.url.appending(path: "none/a.so"))
                == "there is no folder DIR/none to write to (make it first, or name another file)")
    }

    /// The server would never load it.
    @Test func aKindOfSluicesOwnIsRefused() throws {
        let folder = try Folder()
        try folder.write("a.swift", Self.plugin)
        let builder = LibraryBuilder(
            build: LibraryBytes.own, modules: folder.url, compiler: try folder.compiler(), taken: ["a"])
        #expect {
            try builder.build(folder.url, to: folder.url.appending(path: "a.so"))
        } throws: { error in
            "\(error)" == "Sluice itself has a stage of the kind `a`, and would not load another one beside it "
                + "(give the stage another kind)"
        }
    }

    @Test func whyTheSystemRefusesIsSaidInItsWords() {
        #expect(systemReason(of: POSIXError(.EACCES)) == "Permission denied")
        #expect(
            systemReason(of: CocoaError(.fileWriteUnknown, userInfo: [NSUnderlyingErrorKey: POSIXError(.ENOSPC)]))
                == "No space left on device")
        #expect(systemReason(of: CocoaError(.fileWriteUnknown)) == "the system refuses it")
    }

    @Test func aMissingCompilerIsNamed() {
        #expect(throws: BuildFailure.self) { try SwiftCompiler("swiftc", path: "/nowhere:/else") }
        do {
            _ = try SwiftCompiler("/nowhere/swiftc", path: "")
        } catch {
            #expect(error.problem == "there is no Swift compiler at /nowhere/swiftc")
            #expect(error.hint?.contains("--swiftc") == true)
        }
    }

    @Test func whatIsNoCompilerIsNamed() throws {
        let folder = try Folder()
        try folder.write("a.swift", Self.plugin)
        let compiler = try SwiftCompiler(try folder.write("swiftc", "#!/bin/sh\n", isProgram: true).path, path: "")
        #expect(try problem(folder, compiler) == "DIR/swiftc is no Swift compiler: it says no version")
    }

    @Test func anotherCompilerIsRefused() throws {
        let folder = try Folder()
        try folder.write("a.swift", Self.plugin)
        #expect(
            try problem(folder, folder.compiler("Swift version 6.0")).hasPrefix(
                "this Sluice was built by Swift version 6.2 (x), and the compiler here is Swift version 6.0"))
    }

    @Test func missingModulesAreNamed() throws {
        let folder = try Folder()
        try folder.write("a.swift", Self.plugin)
        #expect(
            try problem(folder, folder.compiler()).hasPrefix(
                "there is no MiddlewareKit.swiftmodule in DIR (`make build`"))
    }

    @Test func modulesOfAnotherBuildAreNamed() throws {
        let folder = try Folder()
        try folder.write("a.swift", Self.plugin)
        try folder.write("MiddlewareKit.swiftmodule", "")
        let words = "error: cannot find '_kit_\(LibraryBytes.own.kit)' in scope"
        #expect(
            try problem(folder, folder.compiler(says: words)).hasPrefix(
                "the modules in DIR belong to another build of Sluice"))
        #expect(try problem(folder, folder.compiler(says: "error: no")).hasSuffix("refused the files:\nerror: no\n"))
    }

    @Test(arguments: [
        ("", "there are no Swift files in DIR"),
        ("enum A {}", "no type in DIR makes stages"),
        ("// enum A: MiddlewarePlugin {", "no type in DIR makes stages"),
        (
            "enum A: MiddlewarePlugin { static var kind: String { \"a\" } }",
            "the kinds of the stages in DIR are not clear"
        ),
        ("enum A: MiddlewarePlugin { static let kind = \"A b\" }", "the kinds of the stages in DIR are not clear"),
        (plugin + plugin, "the kinds of the stages in DIR are not clear"),
    ])
    func foldersWithoutStagesAreRefused(text: String, words: String) throws {
        let folder = try Folder()
        if !text.isEmpty { try folder.write("a.swift", text) }
        #expect(try problem(folder, folder.compiler()).hasPrefix(words))
    }

    @Test func aMissingFolderIsNamed() throws {
        let folder = try Folder()
        let builder = LibraryBuilder(build: LibraryBytes.own, modules: folder.url, compiler: try folder.compiler())
        #expect(throws: BuildFailure.self) {
            try builder.build(URL(filePath: "/nowhere"), to: folder.url.appending(path: "a.so"))
        }
    }

    @Test func theEntryHoldsTheRecordAsItIs() {
        let record = PluginRecord(build: LibraryBytes.own, kinds: ["a"])
        let source = PluginEntry(record: record, types: ["A", "B"]).source
        #expect(source.contains(#""\#(record.text.dropLast())\#n""#.replacing("\n", with: "\\#n")))
        #expect(source.contains("A.self, B.self"))
        #expect(source.contains("_kit_release_0123456789abcdef()"))
    }
}
