import ArgumentParser
import JSON
import Settings
import SluiceServer

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the schema of config.yaml, or a file with every default.",
        subcommands: [Schema.self, Default.self])

    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the JSON Schema of config.yaml, with the options of all stages that this program holds.",
            discussion: """
                Save it beside config.yaml as config.schema.json; editors that know YAML then complete and check by it:
                # yaml-language-server: $schema=./config.schema.json
                """)

        @OptionGroup var libraries: LibraryOptions

        func run() throws {
            Output.line(ConfigSchema.document(catalog: try libraries.catalog().plugins).laidOut())
        }
    }

    struct Default: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a config.yaml in which every option has its default.")

        @OptionGroup var libraries: LibraryOptions

        func run() throws { Output.line(DefaultFile.text(catalog: try libraries.catalog().plugins)) }
    }
}
