import ArgumentParser
import MiddlewareTesting
import OpenClaw
import Settings
import SluiceServer

struct TranscriptCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transcript",
        abstract: "Print what is stored of a session, for `sluice replay`.",
        discussion: """
            Messages and answers as they were stored, as JSON lines: what the stages above `persist` had made of them.
            They hold what people wrote, so keep them as you keep the database.
            """)

    @Argument(help: "The session key, such as agent:main:web. A short one is completed for the default agent `main`.")
    var session: String
    @OptionGroup var configurationOptions: ConfigurationOptions
    @Option(help: "The id of the gateway; not needed when the configuration names one only.") var gateway: String?
    @Option(help: "At most so many messages, the newest.") var limit = 1000

    func validate() throws {
        guard (1...100_000).contains(limit) else { throw ValidationError("--limit must be 1 to 100000.") }
    }

    func run() async throws {
        let settings = try Loading.settings(configurationOptions.config).settings
        let ids = settings.gateways.map(\.id.value)
        guard let gateway = gateway ?? (ids.count == 1 ? ids.first : nil) else {
            throw ValidationError("Say which gateway with --gateway.")
        }
        let database = try Loading.existingDatabase(settings, of: configurationOptions)
        let key = SessionKeys().canonical(session)
        guard let transcript = try await Transcript(of: key, gateway: gateway, limit: limit, in: database) else {
            Output.error("sluice: nothing is stored of session “\(key)” of gateway “\(gateway)”.")
            throw ExitCode(Exit.failure)
        }
        Output.line(transcript.text.hasSuffix("\n") ? String(transcript.text.dropLast()) : transcript.text)
    }
}
