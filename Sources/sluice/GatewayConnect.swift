import ArgumentParser
import Foundation
import Settings
import SluiceServer

struct GatewayConnect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Let the running server try a gateway at once, and say how it went.",
        discussion: """
            For a gateway that was repaired, or that has approved this server: by itself the server tries such a one every \
            minute, later every 5 minutes. Where the server asks for keys, put that of an administrator in SLUICE_KEY.
            """)

    @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
    @Argument(help: "The gateway's id.")
    var gateway: String

    private static let limit = Duration.seconds(20)
    private static let unsettled: Set<String> = ["connecting", "handshaking"]

    func run() async throws {
        let settings = try Loading.settings(configurationOptions.config).settings
        guard let server = await RunningServer.find(settings, key: Environment.key) else {
            Output.error(
                "sluice: no server answers at \(settings.server.host):\(settings.server.port). Try: sluice gateway test \(gateway)"
            )
            throw ExitCode(Exit.failure)
        }
        guard server.gateways[gateway] != nil else {
            let known = server.gateways.keys.sorted().joined(separator: ", ")
            Output.error("sluice: the running server has no gateway \(gateway). Known are: \(known)")
            throw ExitCode(Exit.failure)
        }
        if let problem = try await server.connect(id: gateway, key: Environment.key) {
            Output.error("sluice: the running server did not do it: \(problem.words)")
            problem.printKeyHint()
            throw ExitCode(Exit.failure)
        }
        let state = try await settled(settings)
        Output.line("\(gateway) is \(state?.state ?? "gone")" + (state?.words.map { ": \($0)" } ?? ""))
        guard state?.isConnected == true else { throw ExitCode(Exit.failure) }
    }

    /// How it went, or how it stands when that takes long.
    private func settled(_ settings: Settings) async throws -> RunningServer.GatewayState? {
        let clock = ContinuousClock()
        let end = clock.now + Self.limit
        while true {
            let state = await RunningServer.find(settings, key: Environment.key)?.gateways[gateway]
            guard let state, Self.unsettled.contains(state.state), clock.now < end else { return state }
            try await Task.sleep(for: .milliseconds(200))
        }
    }
}

/// What commands take from the environment.
enum Environment {
    /// The access key of an administrator.
    static var key: String? { ProcessInfo.processInfo.environment["SLUICE_KEY"] }
}

extension RunningServer.Refusal {
    /// What to do when it was the key.
    func printKeyHint() {
        guard isAboutKey else { return }
        Output.error(
            Environment.key == nil
                ? "Put the key of an administrator in SLUICE_KEY."
                : "The key in SLUICE_KEY was refused: it must be that of an administrator.")
    }
}

extension RunningServer.GatewayState {
    /// What is wrong, and what to do; nil: nothing.
    var words: String? {
        guard let reason = reason ?? (isConnected ? nil : lastError) else { return nil }
        return reason + (remedy.map { "\nWhat to do: \($0)" } ?? "")
    }
}
