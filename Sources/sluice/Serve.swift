import ArgumentParser
import Foundation
import Logging
import Settings
import SluiceServer

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start the server.",
        discussion: """
            Refuses to start while `sluice check` has errors to tell. SIGTERM or Ctrl-C lets the answers under way end,
            a second one stops at once.
            """)

    @OptionGroup var configurationOptions: ConfigurationOptions

    @Flag(help: "Start a demo gateway in the process while the configuration names none.")
    var demo = false

    func run() async throws {
        let loaded = try Loading.settings(configurationOptions.config)
        let logger = Loading.bootstrapLogging(loaded.settings)
        var options = SluiceServer.Options()
        options.demo = demo
        let isFirstSteps = loaded.settings.gateways.isEmpty && !demo
        options.onListening = { url, isDemo in
            Output.line("Sluice is listening. Open \(url)")
            if isDemo {
                Output.line("A demo gateway answers; config.yaml shows how to name a real one.")
            } else if isFirstSteps {
                Output.line("No gateway is configured yet: name one in config.yaml, or start with --demo.")
            }
        }
        do {
            try await SluiceServer(loaded.settings, stages: loaded.stages, options: options, logger: logger).run()
        } catch {
            Output.error("sluice: \(error)")
            throw ExitCode(Exit.failure)
        }
    }
}
