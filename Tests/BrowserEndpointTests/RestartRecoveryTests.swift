import Foundation
import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClaw
import OpenClawTesting
import Storage
import Testing

@testable import BrowserEndpoint

/// What a server that was started again makes of messages without an answer.
@Suite(.timeLimit(.minutes(1))) struct RestartRecoveryTests {
    /// What is not known is not claimed.
    @Test func aGatewayThatIsAwayAfterAStartSaysNothingOfTheMessage() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await rig.storeUnanswered()
            try await browser.subscribe()
            try await rig.cut(seenBy: browser)
            try await rig.hub.restoreRuns(gateways: ["home"])
            await rig.time.waitForSleeper(of: .seconds(300))
            rig.time.advance(by: .seconds(300))
            let turn = try await browser.turn("old")
            #expect(turn.last["error"]?["code"] == "gateway_lost")
            #expect(turn.last["error"]?["message"]?.string?.contains("not known") == true)
        }
    }

    /// The gateway forgot the first question, and the user asks again, before or after hearing that it is lost.
    @Test(arguments: [true, false], [true, false])
    func theSameQuestionAgainHasAnAnswerOfItsOwn(isAskedEarly: Bool, isRestartedAgain: Bool) async throws {
        let (options, folder, gateway) = try await Rig.Options.lasting()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await Rig.run(options) { rig in
            try await rig.storeUnanswered()
            rig.time.advance(by: .seconds(60))
            try await rig.hub.restoreRuns(gateways: ["home"])
            let browser = try await rig.browser()
            try await browser.subscribe()
            func ask() async throws {
                browser.chat("Hello", run: "new")
                await (try await gateway.nextRun()).final("Hi")
                #expect(try await browser.turn("new").text == "Hi")
            }
            if isAskedEarly { try await ask() }
            for pause in RunSearch.pauses.prefix(2) {
                await rig.time.waitForSleeper(of: pause)
                rig.time.advance(by: pause)
            }
            #expect(try await browser.turn("old").last["error"]?["code"] == "undelivered")
            if !isAskedEarly { try await ask() }
            if !isRestartedAgain { try await checkTheSameQuestion(browser) }
        }
        options.time.advance(by: .seconds(60))
        if isRestartedAgain {
            try await Rig.run(options) { rig in
                try await rig.hub.restoreRuns(gateways: ["home"])
                try await checkTheSameQuestion(try await rig.browser())
            }
        }
        await gateway.stop()
    }

    private func checkTheSameQuestion(_ browser: Browser) async throws {
        for _ in 1...2 {
            browser.send(["type": "history", "sessionKey": "s", "refresh": true, "id": "h"])
            let messages = try await browser.result()["messages"]?.array ?? []
            let answers = messages.filter { $0["role"] == "assistant" }
            #expect(answers.first { $0["run_id"] == "old" }?["state"] == "failed")
            #expect(answers.filter { $0["content"]?.text == "Hi" }.map { $0["run_id"] } == ["new"])
        }
    }

    /// It may stand behind what the gateway is doing in the session.
    @Test func aMessageThatWaitsItsTurnAtTheGatewayIsNotGivenUp() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await rig.storeUnanswered()
            await rig.gateway.addMessage("Something else", to: "s")
            await rig.gateway.beginRun(sessionKey: "s", runID: "other")
            try await browser.subscribe()
            try await rig.hub.restoreRuns(gateways: ["home"])
            for pause in RunSearch.pauses {
                await rig.time.waitForSleeper(of: pause)
                rig.time.advance(by: pause)
            }
            await rig.time.waitForSleeper(of: RunSearch.activePause)
            #expect(try await browser.pending().allSatisfy { $0["state"] != "error" })
            let run = await rig.gateway.beginRun(sessionKey: "s", runID: "old")
            await run.final("Hi")
            #expect(try await browser.turn("old").text == "Hi")
        }
    }

    /// Whoever comes while a run is looked for is told so at once.
    @Test func whoWatchesIsToldWhatARestoredRunWaitsFor() async throws {
        try await Rig.run { rig in
            let first = try await rig.browser()
            try await rig.storeUnanswered()
            try await first.subscribe()
            try await rig.hub.restoreRuns(gateways: ["home"])
            #expect(try await first.next(state: "status")["phase"] == "looking_for_answer")
            let second = try await rig.browser()
            #expect(try await second.subscribe().map { $0["runId"] } == ["old"])
            #expect(try await second.next(state: "status")["phase"] == "looking_for_answer")
            try await rig.cut(seenBy: first)
            #expect(try await first.next(state: "status")["phase"] == "waiting_for_gateway")
            let third = try await rig.browser()
            try await third.subscribe()
            #expect(try await third.next(state: "status")["phase"] == "waiting_for_gateway")
            await rig.reconnect()
            #expect(try await third.next(state: "status")["phase"] == "looking_for_answer")
        }
    }

    /// What the gateway is only asked about is asked about again after the next start.
    @Test func aStopDoesNotWaitForRunsThatAreOnlyLookedFor() async throws {
        try await Rig.run { rig in
            try await rig.storeUnanswered()
            try await rig.hub.restoreRuns(gateways: ["home"])
            // The clock stands still.
            await rig.hub.drain(timeout: .seconds(10))
            #expect(try await rig.database.unfinishedRuns(since: Timestamp(milliseconds: 0)).map(\.runID) == ["old"])
        }
    }

    @Test func whatIsTooOldToBeLookedForIsMarked() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await rig.storeUnanswered()
            rig.time.advance(by: .seconds(25 * 3600))
            try await rig.hub.restoreRuns(gateways: ["home"])
            #expect(try await browser.history().map { $0["state"] } == ["unanswered"])
        }
    }

    /// The gateway is away when the server starts: messages wait, under the keys that the gateway gave when it was there.
    @Test func howKeysAreSpelledIsRemembered() async throws {
        var options = Rig.Options()
        options.gatewaysListen = false
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello", in: "main")
            #expect(try await browser.next(type: "error")["code"] == "gateway_unavailable")
        }
        options.knownKeys = ["home": SessionKeys(json: ["defaultAgent": "ops", "mainKey": "lobby"])]
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello", in: "main")
            #expect(try await browser.next(type: "chat")["state"] == "accepted")
            #expect(try await rig.database.session(gateway: "home", key: "agent:ops:lobby") != nil)
        }
    }

    @Test func keysAreKeptAndReadBack() async throws {
        var options = Rig.Options()
        options.gateway.agents = [.init(id: "ops")]
        options.gateway.mainKey = "lobby"
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello", in: "main")
            _ = try await browser.next(state: "accepted")
            try await rig.hub.restoreSessionKeys()
            let kept = try await rig.database.remembered(under: "session-keys/")
            #expect(kept.keys.sorted() == ["home"])
            #expect(kept["home"]?.contains("lobby") == true)
        }
    }

    @Test func afterAStartOldRunsAreTakenUp() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await rig.storeUnanswered()
            try await browser.subscribe()
            try await rig.hub.restoreRuns(gateways: ["home"])
            // The first search still sleeps when the second one begins: half a second tells them apart.
            await rig.time.waitForSleeper(of: RunSearch.pauses[0])
            rig.time.advance(by: .milliseconds(500))
            try await rig.cut(seenBy: browser)
            await rig.reconnect()
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
            for pause in RunSearch.pauses.prefix(2) {
                await rig.time.waitForSleeper(of: pause)
                rig.time.advance(by: pause)
            }
            let turn = try await browser.turn("old")
            #expect(turn.last["error"]?["code"] == "undelivered")
            #expect(turn.last["error"]?["message"]?.string?.contains("Send it again") == true)
            // The next start finds nothing to do.
            #expect(try await rig.database.unfinishedRuns(since: Timestamp(milliseconds: 0)).isEmpty)
        }
    }
}

extension Rig {
    /// Stores a message as a server does that is stopped before its answer comes: `Hello` in the session `s`, of the run `old`.
    fileprivate func storeUnanswered() async throws {
        let sent = MessageRecord(
            gateway: "home", sessionKey: "agent:main:s", owner: nil, role: .user, runID: "old", text: "Hello",
            timestamp: time.now)
        try await database.store(sent, rows: [])
    }
}
