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
            a second one stops at once. SIGHUP, and a change of a file, reload the configuration.
            """)

    @OptionGroup var configurationOptions: ConfigurationOptions

    @Flag(help: "Start a demo gateway in the process while the configuration names none.")
    var demo = false

    func run() async throws {
        // Until the server listens to it: what it would ask for is being done.
        signal(SIGHUP, SIG_IGN)
        let file = configurationOptions.config
        let read = try Loading.reader(of: file)
        let loaded = try Loading.settings(read, warns: true)
        let logger = Loading.bootstrapLogging(loaded.settings)
        Loading.logFindings(of: loaded.loaded, loaded.settings, to: logger)
        var options = SluiceServer.Options()
        options.demo = demo
        options.file = file
        options.read = read
        let isFirstSteps = loaded.settings.gateways.isEmpty && !demo
        options.onListening = { url, isDemo in
            Output.line("Sluice is listening. Open \(url)")
            if isDemo {
                Output.line("A demo gateway answers; config.yaml shows how to name a real one.")
            } else if isFirstSteps {
                Output.line("No gateway is configured yet: name one in \(file), or start with --demo.")
            }
        }
        do {
            try await SluiceServer(loaded.settings, loaded.loaded, options: options, logger: logger).run()
        } catch {
            Output.error("sluice: \(loaded.loaded.hidingValues(in: "\(error)"))")
            throw ExitCode(Exit.failure)
        }
    }
}
