import Foundation
import MiddlewareKit
import Storage
import Testing

/// `sluice webhook`.
@Suite(.timeLimit(.minutes(1))) struct WebhookCommandTests {
    private static let now = Timestamp(milliseconds: 1_767_225_600_000)
    private static let stage = "webhook"

    /// A folder with a configuration, and a database with a delivery to each of `endpoints`.
    private static func folder(deliveriesTo endpoints: [String]) async throws -> (URL, Database) {
        let folder = try SluiceProcess.makeFolder()
        let text = """
            storage: { path: ./sluice.db }
            pipeline:
              - use: persist
              - use: webhook
                with: { endpoints: [ { name: mine, url: "https://mine.test/hook" } ] }
            """
        try Data(text.utf8).write(to: folder.appending(path: "config.yaml"))
        let database = try Database.open(
            path: folder.appending(path: "sluice.db").path, synchronous: .normal, busyTimeout: .seconds(5))
        try await database.store(
            endpoints.map { _ in OutboxRow(stage: stage, topic: "message.final", payload: "{}") })
        let events = try await database.unplannedEvents(stage: stage, limit: 10)
        let planned = zip(events, endpoints).map { event, endpoint in
            PlannedDelivery(event: event, eventID: "evt_1", endpoint: endpoint, lane: nil, dueAt: now)
        }
        try await database.plan(planned, stage: stage, through: try #require(events.last?.id), now: now)
        return (folder, database)
    }

    private static func run(
        _ arguments: [String], _ folder: URL
    ) async throws -> (code: Int32, output: String, errors: String) {
        try await SluiceProcess.run(["webhook"] + arguments, in: folder)
    }

    /// What an endpoint answered can neither draw on the terminal nor look like another attempt.
    @Test func answersAreShownNotObeyed() async throws {
        let (folder, database) = try await Self.folder(deliveriesTo: ["mine"])
        let answer = "no\u{1B}]0;title\u{7}\r\u{9B}31m\u{202E}\ntwo\n  2026-01-01T00:00:00Z  0 ms  HTTP 200"
        let attempt = DeliveryAttempt(
            delivery: 1, at: Self.now, duration: .zero, status: 500, error: "it failed\u{1B}[2J\nfake", answer: answer,
            verdict: .dead)
        try await database.record([attempt], stage: Self.stage, now: Self.now)
        let shown = try await Self.run(["deliveries", "1"], folder)
        #expect(shown.code == 0)
        #expect(shown.output.contains(#"    no\u001b]0;title\u0007\r\u009b31m\u202e"#))
        #expect(shown.output.contains("\n    two\n      2026-01-01T00:00:00Z"))
        #expect(shown.output.contains(#"it failed\u001b[2J\nfake"#))
        let list = try await Self.run(["deliveries"], folder)
        #expect(list.output.split(separator: "\n").count == 2)
        for text in [shown.output, list.output] {
            #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" })
        }
    }
}
