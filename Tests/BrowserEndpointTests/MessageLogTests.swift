import InMemoryLogging
import JSON
import Logging
import MiddlewareKit
import OpenClawTesting
import Testing

/// What people and agents say is in the log at the level trace, and at no other.
@Suite(.timeLimit(.minutes(1))) struct MessageLogTests {
    @Test(arguments: [Logger.Level.trace, .debug])
    func onlyTraceHoldsWhatIsSaid(level: Logger.Level) async throws {
        let log = InMemoryLogHandler()
        var options = Rig.Options()
        options.logger = Logger(label: "test") { _ in log }
        options.logger.logLevel = level
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("A question")
            let run = try await rig.gateway.nextRun()
            await run.delta("An ")
            await run.final("An answer")
            _ = try await browser.turn("r")
        }
        let text = log.entries.map { "\($0.message) \($0.metadata)" }.joined(separator: "\n")
        for words in ["A question", "An answer"] {
            #expect(text.contains(words) == (level == .trace), "\(words)")
        }
    }
}
