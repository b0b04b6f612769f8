import ArgumentParser
import BrowserEndpoint
import Foundation
import JSON
import MiddlewareKit
import OpenClaw
import Settings
import SluiceServer
import Storage

struct GatewayAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Test a gateway, add it, and wait until its administrator has approved this server.",
        discussion: """
            The token is asked for, or read with --token-env or --token-stdin; it never stands in the command. The \
            gateway is stored in the database, its token encrypted. A running server takes it over at once.
            """)

    @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
    @Argument(help: "The gateway's address, such as ws://127.0.0.1:18789.")
    var url: String
    @ArgumentParser.Option(help: "The word for the gateway in addresses and the log; made from the name when left out.")
    var id: String?
    @ArgumentParser.Option(help: "What people call the gateway.")
    var name = "Gateway"
    @ArgumentParser.OptionGroup var secret: SecretOptions
    @ArgumentParser.OptionGroup var flags: GatewayFlags
    @ArgumentParser.Option(help: "How many seconds to wait for the approval.")
    var wait = 600
    @ArgumentParser.Option(help: "How many seconds to pause between two attempts while it waits.")
    var poll = 5
    @Flag(help: "Add it even if it cannot be reached now.")
    var force = false

    func run() async throws {
        let loaded = try Loading.settings(configurationOptions.config)
        let database = try Loading.database(loaded.settings)
        let new: NewGateway
        do {
            new = try NewGateway(id: id, name: name, url: url)
        } catch let rejection as Rejection {
            Output.error("sluice: \(rejection.message)")
            throw ExitCode(Exit.failure)
        }
        let known = loaded.settings.gateways.map(\.id.value) + (try await database.gateways()).map(\.id)
        guard !known.contains(new.id) else {
            Output.error("sluice: there is a gateway \(new.id) already. Give another --id.")
            throw ExitCode(Exit.failure)
        }
        let options = try flags.read()
        var gateway = GatewayConfiguration(try GatewayFlags.settings(new.id, new.name, new.url, options))
        if let text = try secret.read(asks: true) { secret.set(text, in: &gateway) }

        let test = try await GatewayTest(gateway, loaded.settings, storage: database)
        let report = await test.run(print: Output.line)
        guard report.hasPassed || report.state == .pairing || force else {
            await test.finish()
            Output.error("sluice: \(new.id) was not added. Correct that, or add it all the same with --force.")
            throw ExitCode(Exit.failure)
        }
        try await store(gateway, options, loaded.settings, database)
        var isUsable = report.hasPassed
        if report.state == .pairing {
            Output.line("Waiting for the approval. Ctrl-C ends only the waiting: the server tries on by itself.")
            isUsable = try await test.waitForApproval(
                atMost: .seconds(wait), every: .seconds(max(1, poll)), print: Output.line)
            Output.line(isUsable ? "Approved: the gateway can be used." : "Not approved yet.")
        }
        await test.finish()
        // Who forces it wants it added, whether it can be used or not.
        if !isUsable, !force { throw ExitCode(Exit.failure) }
    }

    /// By the running server if there is one, as it should connect at once.
    private func store(
        _ gateway: GatewayConfiguration, _ options: JSONObject, _ settings: Settings, _ database: Database
    ) async throws {
        let (token, password) = (gateway.token?.revealed, gateway.password?.revealed)
        guard let server = await RunningServer.find(settings) else {
            try await database.addGateway(
                StoredGateway(
                    id: gateway.id, name: gateway.name, url: gateway.url, token: token, password: password,
                    options: options))
            return Output.line("Added \(gateway.id). The server connects to it when it starts.")
        }
        let key = Environment.key
        let problem = try await server.add(
            id: gateway.id, name: gateway.name, url: gateway.url, token: token, password: password, options: options,
            key: key)
        if let problem {
            Output.error("sluice: the running server did not add it: \(problem.words)")
            problem.printKeyHint()
            throw ExitCode(Exit.failure)
        }
        Output.line("Added \(gateway.id). The running server connects to it.")
    }
}
