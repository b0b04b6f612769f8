import ArgumentParser
import Settings
import SluiceServer
import Storage

struct GatewayRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Remove a gateway that was added at run time.",
        discussion: """
            A running server lets answers under way end first, for up to a minute, or stops them: see --runs. Where it asks \
            for keys, put that of an administrator in SLUICE_KEY. A gateway of config.yaml is taken out of that file instead.
            """)

    enum Runs: String, ExpressibleByArgument, CaseIterable { case finish, abort }

    @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
    @Argument(help: "The gateway's id.")
    var gateway: String
    @ArgumentParser.Option(help: "Answers under way: finish or abort; what `when-removed` says when left out.")
    var runs: Runs?

    func run() async throws {
        let settings = try Loading.settings(configurationOptions.config).settings
        guard !settings.gateways.contains(where: { $0.id.value == gateway }) else {
            Output.error(
                "sluice: \(gateway) stands in \(configurationOptions.config): take it out there, and a running server follows."
            )
            throw ExitCode(Exit.failure)
        }
        if let server = await RunningServer.find(settings, key: Environment.key) {
            Output.error("Waiting for the answers under way …")
            if let problem = try await server.remove(id: gateway, runs: runs?.rawValue, key: Environment.key) {
                Output.error("sluice: the running server did not remove it: \(problem)")
                if Environment.key == nil { Output.error(Environment.hint) }
                throw ExitCode(Exit.failure)
            }
        } else {
            let database = try Loading.database(settings)
            guard try await database.removeGateway(id: gateway) else {
                let known = try await database.gateways().map(\.id).joined(separator: ", ")
                Output.error(
                    "sluice: there is no gateway \(gateway) that was added at run time"
                        + (known.isEmpty ? "." : "; known are: \(known)"))
                throw ExitCode(Exit.failure)
            }
            try await database.forgetDeviceToken(gatewayID: gateway)
        }
        Output.line("Removed \(gateway).")
    }
}
