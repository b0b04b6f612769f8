import ArgumentParser
import Files
import Foundation
import MiddlewareKit
import PluginLibraries
import Settings
import SluiceServer

struct Plugin: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Build libraries with stages of your own, and look at them.",
        discussion: """
            A library is named below `plugins` in config.yaml; the server loads it when it starts or reloads. Its code is \
            part of the process: what crashes there ends the server. Stages of the kinds `process` and `http` run elsewhere.
            """,
        subcommands: [Build.self, List.self, Inspect.self])

    struct Build: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a library from a folder of Swift files.",
            discussion: """
                The files are what could lie in a folder of Plugins: they import MiddlewareKit, and hold a type that conforms \
                to MiddlewarePlugin. It needs the Swift compiler that built this Sluice. The library fits this build of \
                Sluice and others with the same MiddlewareKit; after an update of Sluice, build it again.
                """)

        @Argument(help: "The folder.", completion: .directory)
        var folder: String

        @ArgumentParser.Option(
            name: [.short, .long],
            help: ArgumentHelp("The file to write; the folder's name and .so when left out.", valueName: "file"))
        var output: String?

        @ArgumentParser.Option(
            help: "Where MiddlewareKit.swiftmodule is; the folder Modules beside `sluice` when left out.",
            completion: .directory)
        var modules: String?

        @ArgumentParser.Option(help: "The Swift compiler.")
        var swiftc = "swiftc"

        func run() throws {
            let source = URL(filePath: folder, directoryHint: .isDirectory).standardizedFileURL
            let name = output ?? "\(source.lastPathComponent).\(LibraryBuilder.suffix)"
            do {
                let compiler = try SwiftCompiler(swiftc, path: ProcessInfo.processInfo.environment["PATH"] ?? "")
                let own = try Loading.catalogOfProgram().entries.filter { $0.origin == .builtIn }
                let builder = LibraryBuilder(
                    build: .own(version: Version.current), modules: try modulesFolder(), compiler: compiler,
                    taken: Set(own.map { $0.plugin.kind }))
                let (library, notes) = try builder.build(source, to: URL(filePath: name))
                Output.error(notes, terminator: "")
                try report(library, name)
            } catch let failure as BuildFailure {
                Output.error("sluice: \(failure)")
                throw ExitCode(Exit.failure)
            }
        }

        private func modulesFolder() throws -> URL {
            if let modules { return URL(filePath: modules, directoryHint: .isDirectory) }
            guard let own = Bundle.main.executableURL else {
                throw ValidationError("It is not known where this program lies; name the folder with --modules.")
            }
            return own.resolvingSymlinksInPath().deletingLastPathComponent().appending(path: "Modules")
        }

        private func report(_ library: StageLibrary, _ name: String) throws {
            Output.line("\(name): \(library.plugins.map { $0.kind }.joined(separator: ", "))")
            var isTaken = false
            for plugin in library.plugins {
                guard let other = try Loading.catalogOfProgram()[plugin.kind] else { continue }
                isTaken = true
                Output.error(
                    "sluice: this Sluice has a stage of the kind `\(plugin.kind)` already, in \(other.origin.place), so it "
                        + "will not load this one beside it")
            }
            guard !isTaken else { return }
            let kinds = library.plugins.map { "`- use: \($0.kind)`" }.joined(separator: " or ")
            Output.error("Use it:  put `plugins: [\(name)]` into config.yaml, and \(kinds) into its pipeline.")
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the kinds of stage, with where they come from and what they do.")

        @ArgumentParser.OptionGroup var libraries: LibraryOptions

        func run() throws {
            let rows = try libraries.catalog().entries.map { [$0.plugin.kind, $0.origin.place, $0.plugin.summary] }
            Output.table([["KIND", "FROM", "SUMMARY"]] + rows)
        }
    }

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what a library was built for, and whether this Sluice would load it.",
            discussion: "Its code is not run. Exit code 0: it fits. 1: it does not. 2: it cannot be read.")

        @Argument(help: "The library.", completion: .file(extensions: ["so", "dylib"]))
        var file: String

        func run() throws {
            let bytes: [UInt8]
            do throws(UnreadableFile) {
                bytes = try RegularFile.read(file, limit: 256 << 20)
            } catch {
                Output.error("sluice: \(error)")
                throw ExitCode(Exit.unreadable)
            }
            do throws(UnusableLibrary) {
                let record = try PluginRecord(in: Data(bytes))
                Output.line("kinds:     \(record.kinds.joined(separator: ", "))")
                Output.line("built for: Sluice \(record.build.version)")
                Output.line("kit:       \(record.build.kit)")
                Output.line("compiler:  \(record.build.compiler)")
                try record.requireFit(with: .own(version: Version.current))
                Output.line("It fits this Sluice.")
            } catch {
                Output.error("sluice: \(file) \(error.problem)" + (error.hint.map { " (\($0))" } ?? ""))
                throw ExitCode(Exit.failure)
            }
        }
    }
}

/// The configuration whose libraries a command looks at, if any.
struct LibraryOptions: ParsableArguments {
    @ArgumentParser.Option(
        name: [.short, .long],
        help: ArgumentHelp("Also the stages of the libraries that this configuration loads.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    func catalog() throws -> StageCatalog {
        guard let config else { return try Loading.catalogOfProgram() }
        let loaded = try Loading.read(config)
        if loaded.settings == nil { Output.error(FindingReport(loaded).text, terminator: "") }
        return loaded.catalog
    }
}
