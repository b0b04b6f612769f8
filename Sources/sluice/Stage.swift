import ArgumentParser
import Foundation
import MiddlewareKit
import Settings
import SluiceServer

struct Stage: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a stage of your own.", subcommands: [New.self])

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the files of a new stage: options, stage, test and page.",
            discussion: "Run it in the folder of Sluice's sources. Nothing else has to be edited: build, and use it.")

        @Argument(help: "The kind, as config.yaml will name it, such as house-rules.")
        var name: String

        @ArgumentParser.Option(help: "The folder of Sluice's sources.", completion: .directory)
        var sources = "."

        func run() throws {
            if StageTemplate.taken.contains(name) {
                throw failure("the types of `\(name)` would have names that there are already; choose another kind")
            }
            guard let template = StageTemplate(kind: name) else {
                throw ValidationError("a kind is made of small letters, digits and hyphens, such as house-rules")
            }
            if let taken = try Loading.catalogOfProgram()[name] {
                throw failure("there is a stage of the kind `\(name)` already, in \(taken.origin.place)")
            }
            let root = URL(filePath: sources, directoryHint: .isDirectory)
            guard FileManager.default.fileExists(atPath: root.appending(path: "Plugins").path) else {
                throw failure("there is no folder Plugins in \(root.path); run it in the folder of Sluice's sources")
            }
            let files = template.files.map { (root.appending(path: $0.path), $0) }
            if let (_, taken) = files.first(where: { FileManager.default.fileExists(atPath: $0.0.path) }) {
                throw failure("\(taken.path) is there already; nothing was changed")
            }
            for (url, file) in files {
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try file.text.write(to: url, atomically: true, encoding: .utf8)
                Output.line(file.path)
            }
            Output.error(
                "It is an example that works: change it to what you need.\n"
                    + "Test it:  swift test --filter \(template.type)Tests\n"
                    + "Use it:   put `- use: \(name)` into the pipeline of config.yaml, and run `make run`.\n"
                    + "Or, without building Sluice again:  sluice plugin build Plugins/\(template.type)")
        }

        private func failure(_ words: String) -> ExitCode {
            Output.error("sluice: \(words)")
            return ExitCode(Exit.failure)
        }
    }
}
