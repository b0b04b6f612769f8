import Foundation
import JSON
import MiddlewareKit
import Storage
import Testing

/// `sluice webhook`.
@Suite(.timeLimit(.minutes(1))) struct WebhookCommandTests {
    private static let now = Timestamp(milliseconds: 1_767_225_600_000)
    private static let stage = "webhook"

    /// A folder with a configuration, and a database with a delivery to each of `endpoints`.
    ///
    /// - Parameter options: What else `mine` says.
    private static func folder(
        deliveriesTo endpoints: [String], payload: String = "{}", options: String = ""
    ) async throws -> (URL, Database) {
        let folder = try SluiceProcess.makeFolder()
        let text = """
            storage: { path: ./sluice.db }
            pipeline:
              - use: persist
              - use: webhook
                with:
                  endpoints: [ { name: mine, url: "https://mine.test/hook"\(options) } ]
            """
        try Data(text.utf8).write(to: folder.appending(path: "config.yaml"))
        let database = try Database.open(
            path: folder.appending(path: "sluice.db").path, synchronous: .normal, busyTimeout: .seconds(5))
        try await database.store(
            endpoints.map { _ in OutboxRow(stage: stage, topic: "message.final", payload: payload) })
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

    /// Also those that the file does not name any more, and those of a stage that it does not have.
    @Test func theListIsThatOfTheServer() async throws {
        let (folder, database) = try await Self.folder(deliveriesTo: ["mine", "old"])
        let settings = #"{"url": "https://lost.test/x", "events": ["message.final"]}"#
        #expect(try await database.addEndpoint(stage: "before", name: "lost", settings: settings, now: Self.now))
        let list = try await Self.run(["list"], folder)
        let rows = list.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows.dropFirst().map(\.first) == ["mine", "old", "lost"])
        #expect(rows.first { $0[0] == "mine" }?.contains("active") == true)
        #expect(rows.first { $0[0] == "old" } == ["old", "webhook", "removed", "1", "0"])
        #expect(rows.first { $0[0] == "lost" }?.contains("without-stage") == true)

        try Data("storage: { path: ./sluice.db }\n".utf8).write(to: folder.appending(path: "config.yaml"))
        let without = try await Self.run(["list"], folder)
        #expect(without.code == 0 && without.output.contains("lost") && !without.output.contains("mine"))
    }

    @Test func whatCannotBeMeantIsRefused() async throws {
        let (folder, _) = try await Self.folder(deliveriesTo: ["mine", "old"])
        let type = try await Self.run(["deliveries", "--type", "message.finnal"], folder)
        #expect(type.code != 0 && type.errors.contains("message.final, message.aborted"))
        #expect(try await Self.run(["deliveries", "--type", "webhook.test"], folder).code == 0)
        let stranger = try await Self.run(["deliveries", "--endpoint", "nobody"], folder)
        #expect(stranger.code == 1 && stranger.errors.contains("has an endpoint “nobody”"))
        #expect(try await Self.run(["deliveries", "--endpoint", "old"], folder).output.contains("scheduled"))
        #expect(try await Self.run(["deliveries", "--endpoint", "mine", "--state", "dead"], folder).code == 0)
        let both = try await Self.run(["replay", "1", "--endpoint", "mine"], folder)
        #expect(both.code != 0 && both.errors.contains("--endpoint goes with --failed-since"))
        for option in [["--endpoint", "mine"], ["--state", "dead"], ["--limit", "5"]] {
            let mixed = try await Self.run(["deliveries", "1"] + option, folder)
            #expect(mixed.code != 0 && mixed.errors.contains("with an id, leave them out"))
        }
    }

    @Test func anEmptyListSaysWhyItIsEmpty() async throws {
        let (folder, _) = try await Self.folder(deliveriesTo: ["mine"])
        let dead = try await Self.run(["deliveries", "--state", "dead"], folder)
        #expect(dead.code == 0 && dead.errors.contains("There are no deliveries that match."))
        _ = try Database.open(
            path: folder.appending(path: "empty.db").path, synchronous: .normal, busyTimeout: .seconds(5))
        let file = folder.appending(path: "config.yaml")
        try String(contentsOf: file, encoding: .utf8).replacing("./sluice.db", with: "./empty.db")
            .write(to: file, atomically: true, encoding: .utf8)
        let none = try await Self.run(["deliveries"], folder)
        #expect(none.code == 0 && none.errors.contains("There are no deliveries.") && none.output.isEmpty)
    }

    /// Not what others are told, and the body of which the endpoint may have complained.
    @Test func theEventIsShownAsTheEndpointGetsIt() async throws {
        let event: JSONValue = [
            "version": 1, "id": "evt_1", "type": "message.final",
            "data": ["agent": "main", "message": ["role": "assistant", "text": "A secret."]],
        ]
        let (folder, _) = try await Self.folder(
            deliveriesTo: ["mine", "old"], payload: event.encoded(),
            options: #", content: none, template: '{"text": "{{data.agent}}{{data.message.text}}"}'"#)
        let mine = try await Self.run(["deliveries", "1"], folder)
        #expect(mine.code == 0 && mine.output.contains(#""role":"assistant""#) && !mine.output.contains("A secret."))
        #expect(mine.output.hasSuffix("Its template makes of it:\n{\"text\": \"main\"}\n"))
        let old = try await Self.run(["deliveries", "2"], folder)
        #expect(old.output.contains("A secret.") && !old.output.contains("template"))
    }

    @Test func changesTellWhatIsLikelyNotMeant() async throws {
        let (folder, database) = try await Self.folder(deliveriesTo: ["mine"])
        let settings = #"{"url": "https://two.test/x", "events": ["message.final"]}"#
        #expect(try await database.addEndpoint(stage: Self.stage, name: "two", settings: settings, now: Self.now))
        let answer = try await SluiceProcess.run(
            ["webhook", "change", "two"], in: folder, input: #"{"template": "{\"a\": \"{{data.agnt}}\"}"}"#)
        #expect(answer.code == 0 && answer.errors.contains("warning: `template` names `agnt`, which no event has"))
    }

    @Test func namesThatStandTwiceAreFoundByCheck() async throws {
        let (folder, _) = try await Self.folder(deliveriesTo: ["mine"])
        let file = folder.appending(path: "config.yaml")
        let more = """

              - use: webhook
                name: other
                with: { endpoints: [ { name: mine, url: "https://other.test/hook" } ] }
            """
        try (try String(contentsOf: file, encoding: .utf8) + more).write(to: file, atomically: true, encoding: .utf8)
        let answer = try await SluiceProcess.run(["check"], in: folder)
        #expect(answer.code == 0 && answer.errors.contains("another webhook stage has an endpoint `mine`"))
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
