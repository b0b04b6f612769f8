import Foundation
import InMemoryLogging
import Logging
import MiddlewareKit
import MiddlewareTesting
import Settings
import Stages
import Storage
import Testing

@testable import SluiceServer

@Suite struct StrandedWebhookTests {
    @Test func theLogTellsWhatWaitsForEndpointsThatAreGone() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-stranded-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let database = try Database.open(
            path: folder.appending(path: "test.db").path(), synchronous: .normal, busyTimeout: .seconds(5))
        let time = ManualTime()
        let endpoints = ["mine", "old", "old", "older", "added"]
        try await database.store(endpoints.map { _ in OutboxRow(stage: "hooks", topic: "x", payload: "{}") })
        try await database.store([OutboxRow(stage: "before", topic: "x", payload: "{}")])
        let events = try await database.unplannedEvents(stage: "hooks", limit: 10)
        _ = try await database.addEndpoint(stage: "hooks", name: "added", settings: "{}", now: time.now)
        let planned = zip(events, endpoints).map { event, endpoint in
            PlannedDelivery(event: event, eventID: "e", endpoint: endpoint, lane: nil, dueAt: time.now)
        }
        try await database.plan(planned, stage: "hooks", through: try #require(events.last?.id), now: time.now)
        let text = """
            pipeline:
              - use: webhook
                name: hooks
                with: { keep-dead: 2d, endpoints: [ { name: mine, url: "https://mine.test/" } ] }
            """
        let loaded = SettingsLoader.load(
            text: Array(text.utf8), file: "c", environment: [:], catalog: StageCatalog([WebhookPlugin.self]))
        let log = InMemoryLogHandler()
        let stranded = StrandedWebhooks(store: database, time: time, logger: Logger(label: "test") { _ in log })
        await stranded.report(loaded)
        #expect(
            log.entries.map { "\($0.message)" } == [
                """
                1 webhook event waits for a stage “before”, which the configuration does not have; name a webhook stage so, or \
                each is forgotten 30 days after it happened
                """,
                """
                3 webhook events wait for endpoints that the stage “hooks” does not have any more: old (2), older (1); give an \
                endpoint that name, or each is given up 2d after it happened
                """,
            ])
    }
}
