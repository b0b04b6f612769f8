import Foundation
import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClawTesting
import Testing

@testable import BrowserEndpoint

/// Answers that could not be stored: the database was locked or its disk full at the moment of the final.
@Suite(.timeLimit(.minutes(1))) struct UnstoredAnswerTests {
    private static let full = StorageFailure(reason: .full, description: "the disk is full")

    /// A message whose answer could not be stored.
    private func withUnstored(
        _ body: (Rig, Browser, InMemoryMessageStore) async throws -> Void
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
            try await body(rig, browser, store)
        }
    }

    private func wait(_ rig: Rig) async {
        await rig.time.waitForSleeper(of: UnstoredEnds.pause)
        rig.time.advance(by: UnstoredEnds.pause)
    }

    @Test func theyAreStoredWhenStorageWorksAgain() async throws {
        try await withUnstored { rig, browser, store in
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
            #expect(store.records.map(\.text) == ["Hello", "The answer"])
            #expect(store.records.last?.state == .complete)
        }
    }

    @Test func theSameKeyGetsTheAnswer() async throws {
        try await withUnstored { rig, browser, store in
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
        try await withUnstored { rig, browser, store in
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
        try await withUnstored { rig, _, _ in
            try await rig.hub.checkBounds(at: rig.time.now)
        }
    }
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
