import Foundation
import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClawTesting
import Storage
import Testing

@testable import BrowserEndpoint

/// Answers that could not be stored: the database was locked or its disk full at the moment of the final.
@Suite(.timeLimit(.minutes(1))) struct UnstoredAnswerTests {
    private static let full = StorageFailure(reason: .full, description: "the disk is full")

    /// A message whose answer could not be stored.
    private func withUnstored(
        _ body: (_ rig: Rig, _ browser: Browser, _ store: InMemoryMessageStore, _ sequence: Int) async throws -> Void
    ) async throws {
        let store = InMemoryMessageStore()
        var options = Rig.Options()
        options.messages = store
        try await Rig.run(options) { rig in
            let (browser, run) = try await rig.answering("The")
            store.fail(with: Self.full)
            await run.final("The answer")
            let turn = try await browser.turn("r", after: "The")
            #expect(turn.states == ["error"])
            #expect(turn.last["error"]?["code"] == "storage_failed")
            // What the browser was given, and no more.
            #expect(turn.text == "The")
            #expect(turn.last["message"]?["role"] == "assistant")
            #expect(turn.last["message"]?["timestamp"]?.int != nil)
            try await body(rig, browser, store, try #require(turn.sequence.last))
        }
    }

    private func wait(_ rig: Rig) async {
        await rig.time.waitForSleeper(of: UnstoredEnds.pause)
        rig.time.advance(by: UnstoredEnds.pause)
    }

    @Test func theyAreStoredWhenStorageWorksAgain() async throws {
        try await withUnstored { rig, browser, store, sequence in
            // It is told once.
            await wait(rig)
            await rig.time.waitForSleeper(of: UnstoredEnds.pause)
            #expect(try await browser.pending().isEmpty)
            store.fail(with: nil)
            await wait(rig)
            let turn = try await browser.turn("r", after: "The")
            #expect(turn.last["state"] == "final")
            #expect(turn.text == "The answer")
            #expect(turn.streamed == "The answer")
            #expect(try #require(turn.sequence.first) > sequence)
            #expect(store.records.map(\.text) == ["Hello", "The answer"])
            #expect(store.records.last?.state == .complete)
        }
    }

    /// The server stopped before it could be stored: it is in the gateway's history.
    @Test func afterARestartTheyAreFound() async throws {
        let (lasting, folder, gateway) = try await Rig.Options.lasting()
        defer { try? FileManager.default.removeItem(at: folder) }
        var options = lasting
        let time = options.time
        let database = try Database.open(
            path: folder.appending(path: "test.db").path(), synchronous: .normal, busyTimeout: .seconds(5),
            now: { time.now })
        options.messages = QuestionsOnly(database: database)
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            await (try await gateway.nextRun()).final("The answer")
            #expect(try await browser.turn("r").last["error"]?["code"] == "storage_failed")
        }
        try database.close()
        options.messages = nil
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            try await browser.subscribe()
            try await rig.hub.restoreRuns(gateways: ["home"])
            await rig.time.waitForSleeper(of: RunSearch.pauses[0])
            rig.time.advance(by: RunSearch.pauses[0])
            #expect(try await browser.turn("r").text == "The answer")
            #expect(try await browser.history().map { $0["content"]?.text } == ["Hello", "The answer"])
        }
        await gateway.stop()
    }

    @Test func theSameKeyGetsTheAnswer() async throws {
        try await withUnstored { rig, browser, store, _ in
            store.fail(with: nil)
            browser.chat("Hello")
            let turn = try await browser.turn("r")
            #expect(turn.states == ["accepted", "delta", "final"])
            #expect(turn.text == "The answer")
            await wait(rig)
            #expect(try await browser.pending().isEmpty)
            #expect(store.records.map(\.text) == ["Hello", "The answer"])
        }
    }

    @Test func ofADeletedSessionNothingIsStored() async throws {
        try await withUnstored { rig, browser, store, _ in
            let id = SessionID(gateway: "home", key: "agent:main:s")
            await rig.hub.discard(id)
            store.fail(with: nil)
            await wait(rig)
            let frames = try await browser.pending()
            #expect(frames.map { $0["code"] } == ["session_deleted"])
            #expect(store.records.map(\.text) == ["Hello"])
        }
    }

    @Test func whatIsKeptIsBounded() async throws {
        try await withUnstored { rig, _, _, _ in
            try await rig.hub.checkBounds(at: rig.time.now)
        }
    }
}

/// Has no room for answers.
private struct QuestionsOnly: MessageStore {
    let database: Database

    func store(_ record: MessageRecord, rows: [OutboxRow]) async throws -> Int64 {
        guard record.role == .user else { throw StorageFailure(reason: .full, description: "the disk is full") }
        return try await database.store(record, rows: rows)
    }

    func markUnanswered(gateway: String, sessionKey: String, runID: String) async throws {}
}

extension BrowserHub {
    /// With the run of an end that is kept.
    fileprivate func checkBounds(at now: Timestamp) throws {
        let run = try #require(unstored.ends.first?.run)
        let text = String(repeating: "a", count: UnstoredEnds.maxBytes / 2)
        let end = UnstoredEnd(run: run, kind: .final, outcome: RunOutcome(text: text, timestamp: now))
        var ends = UnstoredEnds()
        let kept = [ends.keep(end), ends.keep(end)]
        #expect(kept == [true, false])
        let taken = ends.take(run.key)
        #expect(taken != nil && ends.isEmpty)
        let isKept = ends.keep(end)
        #expect(isKept)
    }
}
