import Foundation
import GRDB
import JSON
import MiddlewareKit
import Storage
import Testing

@Suite struct DeliveryTests {
    private static let stage = "hook"
    private let now = Timestamp(milliseconds: 1_770_000_000_000)

    private func row(_ topic: String = "message.final", isForNewSession: Bool = false) -> OutboxRow {
        OutboxRow(stage: Self.stage, topic: topic, payload: "{}", isForNewSession: isForNewSession)
    }

    @Test func rowsComeWithTheirMessageOrNotAtAll() async throws {
        try await withDatabase { database in
            try await database.store(record("one"), rows: [row()])
            // The same message again: its event is there already.
            try await database.store(record("one"), rows: [row()])
            #expect(try await database.unplannedEvents(stage: Self.stage, limit: 10).count == 1)

            // A full disk.
            let pages = try #require(try await database.writerNumber("PRAGMA page_count"))
            try await database.execute("PRAGMA max_page_count = \(pages)")
            let failure = await #expect(throws: StorageFailure.self) {
                for index in 0..<1000 {
                    try await database.store(
                        record("full-\(index)", text: String(repeating: "x", count: 5000)), rows: [row()])
                }
            }
            #expect(failure?.reason == .full)
            #expect(
                try await database.count("messages")
                    == database.unplannedEvents(stage: Self.stage, limit: 2000).count)
        }
    }

    @Test func rowsForNewSessionsAreKeptOnce() async throws {
        try await withDatabase { database in
            for run in ["one", "two"] {
                try await database.store(record(run), rows: [row("session.created", isForNewSession: true), row()])
            }
            #expect(
                try await database.unplannedEvents(stage: Self.stage, limit: 10).map(\.topic)
                    == ["session.created", "message.final", "message.final"])
        }
    }

    /// A run that was given up, and ended well after all.
    @Test func aLateAnswerIsToldOf() async throws {
        try await withDatabase { database in
            var failed = record("one", role: .assistant)
            failed.state = .failed
            try await database.store(failed, rows: [row("message.error")])
            for _ in 0..<2 {
                try await database.store(record("one", role: .assistant), rows: [row("message.final")])
            }
            #expect(
                try await database.unplannedEvents(stage: Self.stage, limit: 10).map(\.topic)
                    == ["message.error", "message.final"])
        }
    }

    @Test func whatIsNotWaitedForKeepsItsPlace() async throws {
        try await withDatabase { database in
            for number in 0..<200 {
                database.enqueue([row("before.\(number)")]) { _ in }
                try await database.store(record("run-\(number)"), rows: [row("message.\(number)")])
            }
            #expect(
                try await database.unplannedEvents(stage: Self.stage, limit: 1000).map(\.topic)
                    == (0..<200).flatMap { ["before.\($0)", "message.\($0)"] })
            try await database.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END")
            let failure = await withCheckedContinuation { continuation in
                database.enqueue([row()]) { continuation.resume(returning: $0) }
            }
            #expect(failure.reason == .other)
        }
    }

    @Test func whatNoStageDeliversIsFoundAndForgottenAtLast() async throws {
        try await withDatabase { database in
            try await database.store([row(), row(), OutboxRow(stage: "other", topic: "x", payload: "{}")])
            let events = try await database.unplannedEvents(stage: Self.stage, limit: 1)
            let planned = PlannedDelivery(
                event: try #require(events.first), eventID: "e", endpoint: "one", lane: nil, dueAt: now)
            try await database.plan([planned], stage: Self.stage, through: events[0].id, now: now)
            func stranded(before: Timestamp) async throws -> [String] {
                try await database.strandedDeliveries(stages: ["other"], before: before).map {
                    "\($0.stage): \($0.count)"
                }
            }
            #expect(try await stranded(before: Timestamp(milliseconds: 0)) == ["\(Self.stage): 2"])
            #expect(try await stranded(before: Timestamp(milliseconds: 4_000_000_000_000)) == [])
            #expect(try await database.count("webhook_deliveries") == 0)
            #expect(try await database.count("outbox") == 1)
        }
    }

    @Test func stagesDoNotSeeEachOthersEvents() async throws {
        try await withDatabase { database in
            try await database.store([row(), OutboxRow(stage: "other", topic: "x", payload: "{}")])
            let mine = try await database.unplannedEvents(stage: Self.stage, limit: 10)
            try await database.plan([], stage: Self.stage, through: try #require(mine.last?.id), now: now)
            #expect(try await database.unplannedEvents(stage: Self.stage, limit: 10).isEmpty)
            #expect(try await database.unplannedEvents(stage: "other", limit: 10).count == 1)
            #expect(try await database.count("outbox") == 1)
        }
    }

    @Test func laneGoesOnWhenItsFirstIsGivenUp() async throws {
        try await withDatabase { database in
            try await plan(["a", "b"], lane: "one", database)
            #expect(try await due(database) == ["a"])
            let attempt = DeliveryAttempt(
                delivery: 1, at: now, duration: .milliseconds(5), status: 500, error: "no", answer: "", verdict: .dead)
            try await database.record([attempt], stage: Self.stage, now: now)
            #expect(try await due(database) == ["b"])
            // Of one that is over nothing more is written down.
            try await database.record([attempt], stage: Self.stage, now: now)
            #expect(try await database.delivery(id: 1)?.attempts.count == 1)
        }
    }

    @Test func whatIsBehindInALaneComesWithItsFirst() async throws {
        try await withDatabase { database in
            try await plan(["a", "b", "c"], lane: "one", database)
            try await plan(["x"], lane: "two", database)
            let lanes = try await database.dueDeliveries(stage: Self.stage, endpoint: "e", now: now, limit: 10)
            #expect(lanes.map { $0.map(\.eventID) } == [["a", "b", "c"], ["x"]])
            let attempts = lanes[0].prefix(2).map { delivery in
                DeliveryAttempt(
                    delivery: delivery.id, at: now, duration: .zero, status: 200, error: nil, answer: "",
                    verdict: .delivered)
            }
            try await database.record(attempts, stage: Self.stage, now: now)
            #expect(Set(try await due(database)) == ["c", "x"])
        }
    }

    /// Characters that JSON writes in more than one way come back as they were.
    private static let longText = String(repeating: "a \"long\" text/\\ \n\u{0}\u{1F600}\u{2028} ", count: 100)

    /// A row that lacks the text of its message, which is stored with it.
    private func storeLong(
        _ run: String, state: MessageRecord.State = .complete, _ database: Storage.Database
    ) async throws {
        let row = OutboxRow(
            stage: Self.stage, topic: "message.final", payload: #"{"id":"\#(run)","text":null,"after":1.50}"#,
            textPath: "$.text")
        let text = (state == .complete ? "" : "Part of ") + Self.longText
        try await database.store(record(run, role: .assistant, state: state, text: text), rows: [row])
    }

    /// Plans all that is in the outbox.
    private func planAll(_ database: Storage.Database) async throws {
        let events = try await database.unplannedEvents(stage: Self.stage, limit: 10)
        let deliveries = events.map { event in
            PlannedDelivery(event: event, eventID: "\(event.id)", endpoint: "e", lane: "one", dueAt: now)
        }
        try await database.plan(deliveries, stage: Self.stage, through: try #require(events.last?.id), now: now)
    }

    private func payloads(_ database: Storage.Database) async throws -> [String] {
        try await database.dueDeliveries(stage: Self.stage, endpoint: "e", now: now, limit: 10).joined().map(\.payload)
    }

    @Test func aLongTextIsStoredOnceAndReadInItsPlace() async throws {
        try await withDatabase { database in
            for run in ["a", "b"] { try await storeLong(run, database) }
            #expect(try #require(try await database.writerNumber("SELECT max(length(payload)) FROM outbox")) < 100)
            try await planAll(database)
            // The first of its lane and one that follows.
            let payloads = try await payloads(database)
            #expect(payloads.count == 2)
            for (payload, run) in zip(payloads, ["a", "b"]) {
                #expect(payload.hasPrefix(#"{"id":"\#(run)","text":"a \"long\" text"#))
                #expect(payload.hasSuffix(#"","after":1.50}"#))
                #expect(try JSONValue(parsing: payload)["text"] == .string(Self.longText))
            }
            #expect(try await database.delivery(id: 2)?.payload == payloads.last)
        }
    }

    @Test(arguments: [true, false]) func aLongTextOutlivesItsMessage(isPlanned: Bool) async throws {
        try await withDatabase { database in
            for run in ["a", "b"] { try await storeLong(run, database) }
            if isPlanned { try await planAll(database) }
            #expect(try await database.deleteSession(gateway: "home", key: "agent:main:main"))
            #expect(try await database.count("messages") == 0)
            if !isPlanned { try await planAll(database) }
            let payloads = try await payloads(database)
            #expect(payloads.count == 2)
            for payload in payloads { #expect(try JSONValue(parsing: payload)["text"] == .string(Self.longText)) }
            #expect(try await database.delivery(id: 1)?.payload == payloads.first)
        }
    }

    /// A run that was given up, and ended well after all: what it told of first has the text that it had then.
    @Test func aLongTextStaysWhenItsMessageChanges() async throws {
        try await withDatabase { database in
            try await storeLong("a", state: .aborted, database)
            try await storeLong("a", database)
            try await planAll(database)
            #expect(
                try await payloads(database).map { try JSONValue(parsing: $0)["text"] }
                    == [.string("Part of " + Self.longText), .string(Self.longText)])
        }
    }

    @Test func whatIsReadOfDueDeliveriesIsBounded() async throws {
        try await withDatabase { database in
            let large = String(repeating: "x", count: 400_000)
            try await database.store((0..<5).map { _ in OutboxRow(stage: Self.stage, topic: "x", payload: large) })
            let events = try await database.unplannedEvents(stage: Self.stage, limit: 10)
            let deliveries = events.map { event in
                PlannedDelivery(event: event, eventID: "\(event.id)", endpoint: "e", lane: "one", dueAt: now)
            }
            try await database.plan(deliveries, stage: Self.stage, through: try #require(events.last?.id), now: now)
            let lanes = try await database.dueDeliveries(stage: Self.stage, endpoint: "e", now: now, limit: 10)
            #expect(lanes.map(\.count) == [3])
        }
    }

    @Test func replayWaitsForWhatIsUnderWay() async throws {
        try await withDatabase { database in
            try await plan(["a", "b"], lane: "one", database)
            let attempt = DeliveryAttempt(
                delivery: 1, at: now, duration: .zero, status: 410, error: nil, answer: "", verdict: .dead)
            try await database.record([attempt], stage: Self.stage, now: now)
            #expect(try await database.replay(id: 1, now: now))
            #expect(try await due(database) == ["b"])
            #expect(try await database.delivery(id: 1)?.delivery.state == .waiting)
            #expect(try await database.replay(id: 1, now: now) == false)
            // One that waits for nothing but its time may be brought forward.
            #expect(try await database.replay(id: 2, now: now))
        }
    }

    @Test func cleaningKeepsWhatIsOpen() async throws {
        try await withDatabase { database in
            try await plan(["a", "b"], lane: nil, database)
            let attempt = DeliveryAttempt(
                delivery: 1, at: now, duration: .zero, status: 200, error: nil, answer: "", verdict: .delivered)
            try await database.record([attempt], stage: Self.stage, now: now)
            let later = Timestamp(milliseconds: now.milliseconds + 1)
            try await database.cleanDeliveries(
                stage: Self.stage, endpoints: ["e"], deliveredBefore: later, deadBefore: later, now: later)
            #expect(try await database.count("webhook_deliveries") == 1)
            #expect(try await database.count("webhook_attempts") == 0)
            #expect(try await database.count("outbox") == 1)
            // What is left for an endpoint that is no longer there is given up.
            try await database.cleanDeliveries(
                stage: Self.stage, endpoints: [], deliveredBefore: later, deadBefore: later, now: later)
            #expect(try await database.delivery(id: 2)?.delivery.state == .dead)
        }
    }

    @Test func settingsOfEndpointsAreEncrypted() async throws {
        try await withDatabase { database in
            let settings = #"{"secret": "whsec_readable"}"#
            #expect(
                try await database.addEndpoint(stage: Self.stage, name: "e", settings: settings, now: now))
            #expect(
                try await database.addEndpoint(stage: Self.stage, name: "e", settings: settings, now: now) == false)
            #expect(try await database.addedEndpoints(stage: Self.stage).map(\.settings) == [settings])
            let stored = try await database.pool.read { db in
                try Data.fetchOne(db, sql: "SELECT settings FROM webhook_endpoints")
            }
            #expect(!String(decoding: try #require(stored), as: UTF8.self).contains("readable"))
        }
    }

    /// What was meant for one endpoint does not go to another one that was given its name.
    @Test func aNewEndpointGetsNothingOfAnEarlierOneOfItsName() async throws {
        try await withDatabase { database in
            try await plan(["a", "b"], lane: "one", database)
            let later = Timestamp(milliseconds: now.milliseconds + 1)
            #expect(try await database.addEndpoint(stage: Self.stage, name: "e", settings: "{}", now: later))
            for id in 1...2 {
                let delivery = try #require(try await database.delivery(id: Int64(id))?.delivery)
                #expect(delivery.state == .dead && delivery.error == "the endpoint was replaced")
            }
            let all = Timestamp(milliseconds: 0)
            #expect(try await database.replayDead(since: all, stage: Self.stage, endpoint: "e", now: later) == 0)
            #expect(try await due(database) == [])
            // One that is there already is left as it is.
            try await plan(["c"], lane: "one", database)
            #expect(try await database.addEndpoint(stage: Self.stage, name: "e", settings: "{}", now: later) == false)
            #expect(try await due(database) == ["c"])
        }
    }

    private func plan(_ ids: [String], lane: String?, _ database: Storage.Database) async throws {
        try await database.store(ids.map { _ in row() })
        let events = try await database.unplannedEvents(stage: Self.stage, limit: 10)
        let deliveries = zip(events, ids).map { event, id in
            PlannedDelivery(event: event, eventID: id, endpoint: "e", lane: lane, dueAt: now)
        }
        try await database.plan(deliveries, stage: Self.stage, through: try #require(events.last?.id), now: now)
    }

    private func due(_ database: Storage.Database) async throws -> [String] {
        try await database.dueDeliveries(stage: Self.stage, endpoint: "e", now: now, limit: 10)
            .compactMap(\.first?.eventID)
    }
}
