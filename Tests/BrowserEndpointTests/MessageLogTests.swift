import JSON
import Logging
import MiddlewareKit
import OpenClawTesting
import Synchronization
import Testing

/// What people and agents say is in the log at the level trace, and at no other.
@Suite(.timeLimit(.minutes(1))) struct MessageLogTests {
    @Test(arguments: [Logger.Level.trace, .debug])
    func onlyTraceHoldsWhatIsSaid(level: Logger.Level) async throws {
        let lines = Lines()
        var options = Rig.Options()
        options.logger = Logger(label: "test") { _ in Recorder(lines: lines) }
        options.logger.logLevel = level
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("A question")
            let run = try await rig.gateway.nextRun()
            await run.delta("An ")
            await run.final("An answer")
            _ = try await browser.turn("r")
        }
        for words in ["A question", "An answer"] {
            #expect(lines.text.contains(words) == (level == .trace), "\(words)")
        }
    }
}

private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

private struct Recorder: LogHandler {
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.add("\(event.message) \(metadata) \(event.metadata ?? [:])") }
}
