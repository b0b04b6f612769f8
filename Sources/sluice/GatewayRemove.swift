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
        let database = try Loading.existingDatabase(settings, of: configurationOptions)
        let added = try await database.gateways().map(\.id)
        if let server = await RunningServer.find(settings, key: Environment.key) {
            // The server says why one that it has from elsewhere cannot be removed.
            guard added.contains(gateway) || server.gateways[gateway] != nil else { throw unknown(added) }
            Output.error("Waiting for the answers under way …")
            if let problem = try await server.remove(id: gateway, runs: runs?.rawValue, key: Environment.key) {
                Output.error("sluice: the running server did not remove it: \(problem.words)")
                problem.printKeyHint()
                throw ExitCode(Exit.failure)
            }
        } else {
            guard try await database.removeGateway(id: gateway) else { throw unknown(added) }
            try await database.forgetDeviceToken(gatewayID: gateway)
        }
        Output.line("Removed \(gateway).")
    }

    private func unknown(_ added: [String]) -> ExitCode {
        let known = added.isEmpty ? "." : "; known are: \(added.joined(separator: ", "))"
        Output.error("sluice: there is no gateway \(gateway) that was added at run time\(known)")
        return ExitCode(Exit.failure)
    }
}
