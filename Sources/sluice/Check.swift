import ArgumentParser
import Settings

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say everything that is wrong with a configuration.",
        discussion: "Exit code 0: it is good. 1: it has errors. 2: it cannot be read.")

    @Argument(help: "The file to check.", completion: .file(extensions: ["yaml", "yml"]))
    var file = "config.yaml"

    func run() throws {
        let loaded = try Loading.settings(file)
        let names = loaded.stages.map(\.entry.name)
        Output.line("\(file) is good: \(names.isEmpty ? "no stages" : names.joined(separator: " -> "))")
    }
}
