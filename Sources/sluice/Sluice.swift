import ArgumentParser
import SluiceServer

/// The command line.
@main struct Sluice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "A chat server between browsers and OpenClaw agent gateways.",
        discussion: """
            Every message, both ways, flows through the chain of stages that config.yaml describes, in list order in
            both directions.

            Try it:      sluice serve --demo
            Check first: sluice check config.yaml
            """,
        version: Version.current,
        subcommands: [
            Serve.self, Check.self, Config.self, Explain.self, Replay.self, TranscriptCommand.self, Key.self,
            Gateway.self, Webhook.self, Stage.self, Plugin.self,
            ShowVersion.self,
        ],
        defaultSubcommand: nil)
}

struct ShowVersion: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() { Output.line("sluice \(Version.current)") }
}

/// The file that all commands read.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp("The configuration to use.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config = "config.yaml"
}

/// The file of a command that reads it and does nothing else: by its place, or as for the other commands.
struct FileToRead: ParsableArguments {
    @Argument(
        help: "The configuration to read; config.yaml when left out.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The same, as for the other commands.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    var path: String { config ?? file ?? "config.yaml" }

    func validate() throws {
        if file != nil, config != nil { throw ValidationError("Name one file: as FILE, or with --config.") }
    }
}
