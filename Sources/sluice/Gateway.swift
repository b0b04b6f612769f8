import ArgumentParser
import BrowserEndpoint
import MiddlewareKit
import OpenClaw
import Settings
import SluiceServer
import Storage

struct Gateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the gateways, and test the connection to one.", subcommands: [List.self, Test.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the gateways of config.yaml and those that were added at run time.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions

        func run() async throws {
            let loaded = try Loading.settings(configurationOptions.config)
            let added = try await Loading.addedGateways(loaded.settings)
            let rows =
                loaded.settings.gateways.map { [$0.id.value, $0.name, $0.url, "config.yaml"] }
                + added.map { [$0.id, $0.name, $0.url, "added at run time"] }
            guard !rows.isEmpty else {
                return Output.error("No gateway is configured. config.yaml shows in a comment how to name one.")
            }
            Output.table([["ID", "NAME", "URL", "FROM"]] + rows)
            Output.error("Try one with: sluice gateway test ID")
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Connect to a gateway as the server would, and say what was found, or why not and what to do.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
        @Argument(help: "The gateway's id. May be left out when there is only one.")
        var id: String?

        func run() async throws {
            let loaded = try Loading.settings(configurationOptions.config)
            let all =
                loaded.settings.gateways.map(GatewayConfiguration.init)
                + (try await Loading.addedGateways(loaded.settings)).map(GatewayConfiguration.init)
            guard let gateway = all.first(where: { $0.id == id }) ?? (id == nil && all.count == 1 ? all[0] : nil) else {
                let known = all.map(\.id).joined(separator: ", ")
                Output.error(
                    known.isEmpty
                        ? "sluice: no gateway is configured."
                        : "sluice: say which gateway to test: \(known)")
                throw ExitCode(Exit.failure)
            }
            guard try await GatewayTest.run(gateway, loaded.settings, print: Output.line) else {
                throw ExitCode(Exit.failure)
            }
        }
    }
}

extension Loading {
    fileprivate static func addedGateways(_ settings: Settings) async throws -> [StoredGateway] {
        try await database(settings).gateways()
    }
}
