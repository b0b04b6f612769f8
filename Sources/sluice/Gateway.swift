import ArgumentParser
import BrowserEndpoint
import Foundation
import MiddlewareKit
import OpenClaw
import Settings
import SluiceServer
import Storage

struct Gateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, test, add, connect and remove gateways, and play one.",
        subcommands: [
            List.self, Test.self, GatewayAdd.self, GatewayConnect.self, GatewayRemove.self, GatewayFake.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the gateways and how they are doing.",
            discussion: """
                Those of config.yaml and those that were added at run time. Their state is that of the running server; \
                without one, the list says so.
                """)

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions

        func run() async throws {
            let loaded = try Loading.settings(configurationOptions.config)
            let added = try await Loading.databaseIfThere(loaded.settings)?.gateways() ?? []
            let key = Environment.key
            let server = await RunningServer.find(loaded.settings, key: key)
            let rows =
                loaded.settings.gateways.map { ($0.id.value, $0.name, $0.url, "config.yaml") }
                + added.map { ($0.id, $0.name, $0.url, "added at run time") }
            guard !rows.isEmpty else {
                return Output.error("No gateway is configured. Add one with: sluice gateway add")
            }
            let table = rows.map { [$0.0, $0.1, $0.2, $0.3, Self.state(server?.gateways[$0.0], server)] }
            Output.table([["ID", "NAME", "URL", "FROM", "STATE"]] + table)
            for (id, _, _, _) in rows {
                guard let gateway = server?.gateways[id], let words = gateway.words else { continue }
                Output.line("\n\(id): \(words)")
            }
            if server == nil {
                let settings = loaded.settings.server
                Output.error("No server answers at \(settings.host):\(settings.port), so the states are not known.")
            }
            if server?.tellsReasons == false {
                Output.error(
                    key == nil
                        ? "The server asks for keys: put one in SLUICE_KEY to see more."
                        : "The server refused the key in SLUICE_KEY, so it tells no more than this.")
            }
            Output.error("Try one with: sluice gateway test ID")
        }

        private static func state(_ gateway: RunningServer.GatewayState?, _ server: RunningServer?) -> String {
            guard let gateway else { return server == nil ? "-" : "not known to the running server" }
            let since = gateway.since.map { "since \(Output.time($0))" }
            let attempts = gateway.attempts == 1 ? "1 attempt" : "\(gateway.attempts) attempts"
            let facts =
                gateway.isConnected
                ? [
                    gateway.serverVersion, gateway.protocolVersion.map { "protocol \($0)" },
                    gateway.latencyMs.map { "\($0) ms" }, since,
                ] : [gateway.attempts > 0 ? attempts : nil, since]
            let words = facts.compactMap { $0 }.joined(separator: ", ")
            return words.isEmpty ? gateway.state : "\(gateway.state) (\(words))"
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Connect to a gateway as the server would, and say what was found, or why not and what to do.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
        @Argument(help: "The gateway's id, or a URL. May be left out when there is only one gateway.")
        var gateway: String?
        @ArgumentParser.OptionGroup var secret: SecretOptions
        @ArgumentParser.OptionGroup var flags: GatewayFlags

        func run() async throws {
            let loaded = try Loading.settings(configurationOptions.config)
            let database = try Loading.database(loaded.settings)
            var all = loaded.settings.gateways.map { GatewayConfiguration($0) }
            for stored in try await database.gateways() {
                do {
                    all.append(try GatewayConfiguration(stored))
                } catch {
                    Output.error("sluice: the options of \(stored.id) are not right: \(error)")
                }
            }
            guard var found = try choose(among: all) else {
                Output.error("sluice: \(Self.advice(gateway, known: all.map(\.id)))")
                throw ExitCode(Exit.failure)
            }
            if let text = try secret.read(asks: false) { secret.set(text, in: &found) }
            let test = try await GatewayTest(found, loaded.settings, storage: database)
            let report = await test.run(print: Output.line)
            await test.finish()
            guard report.hasPassed else { throw ExitCode(Exit.failure) }
        }

        private func choose(among all: [GatewayConfiguration]) throws -> GatewayConfiguration? {
            guard let gateway else { return all.count == 1 ? all[0] : nil }
            if var known = all.first(where: { $0.id == gateway || $0.url == gateway }) {
                try flags.change(&known)
                return known
            }
            guard gateway.contains(":") else { return nil }
            return GatewayConfiguration(try GatewayFlags.settings(gateway, "the gateway", gateway, flags.read()))
        }

        /// What to do when it is not clear which gateway is meant.
        private static func advice(_ name: String?, known: [String]) -> String {
            let address = "Give an address: sluice gateway test ws://127.0.0.1:18789"
            let list = known.joined(separator: ", ")
            guard let name else {
                return known.isEmpty ? "no gateway is configured. \(address)" : "say which gateway to test: \(list)"
            }
            let others = known.isEmpty ? "none is configured" : "known are: \(list)"
            return "there is no gateway \(name); \(others). \(address)"
        }
    }
}
