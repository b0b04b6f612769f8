import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClaw
import OpenClawTesting
import Storage
import Testing

@testable import BrowserEndpoint

/// Connections that are lost at a bad moment: no message is lost or doubled, and every run ends.
@Suite(.timeLimit(.minutes(1))) struct RecoveryTests {
    /// Cuts the connection, and waits until the browser heard of it.
    private func cut(_ rig: Rig, _ browser: Browser) async throws {
        await rig.gateway.interrupt(.cut)
        _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
    }

    private func reconnect(_ rig: Rig) async { await rig.manager.connectNow(id: "home") }

    private func stored(_ browser: Browser) async throws -> [String] {
        try await browser.history().map { "\($0["role"]?.string ?? "") \($0["content"]?.text ?? "")" }
    }

    @Test func aMessageWaitsForItsGateway() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await cut(rig, browser)
            browser.chat("Hello")
            let waiting = try await browser.next(state: "status")
            #expect(waiting["phase"] == "waiting_for_gateway")
            await reconnect(rig)
            await (try await rig.gateway.nextRun()).final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
            #expect(try await stored(browser) == ["user Hello", "assistant Hi"])
        }
    }

    @Test func messagesThatWaitKeepTheirOrder() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await cut(rig, browser)
            for number in 1...5 {
                browser.chat("\(number)", run: "r\(number)")
                _ = try await browser.next(state: "status")
            }
            await reconnect(rig)
            for number in 1...5 {
                let run = try await rig.gateway.nextRun()
                #expect(run.prompt.message == "\(number)")
                await run.final()
            }
        }
    }

    @Test func aMessageThatWaitsCanBeTakenBack() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await cut(rig, browser)
            browser.chat("Hello")
            _ = try await browser.next(state: "status")
            browser.send(["type": "abort", "sessionKey": "s", "runId": "r", "id": "a"])
            let result = try await browser.result()
            #expect(result["aborted"] == true)
            #expect(try await browser.turn("r").last["state"] == "aborted")
        }
    }

    @Test func aMessageThatWaitsTooLongFailsHonestly() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await cut(rig, browser)
            browser.chat("Hello")
            _ = try await browser.next(state: "status")
            await rig.time.waitForSleeper(of: .seconds(300))
            rig.time.advance(by: .seconds(300))
            let turn = try await browser.turn("r")
            #expect(turn.last["error"]?["code"] == "undelivered")
            #expect(turn.last["error"]?["message"]?.string?.contains("not sent") == true)
        }
    }

    @Test func onlySoManyWait() async throws {
        var options = Rig.Options()
        options.whileAway = .queue(maxMessages: 1, maxAge: .seconds(60))
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            try await cut(rig, browser)
            browser.chat("1", run: "r1")
            _ = try await browser.next(state: "status")
            browser.chat("2", run: "r2")
            let error = try await browser.next(type: "error")
            #expect(error["code"] == "gateway_unavailable")
            #expect(error["runId"] == "r2")
        }
    }

    @Test func whereWaitingIsNotWantedTheMessageIsRefused() async throws {
        var options = Rig.Options()
        options.whileAway = .reject
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            try await cut(rig, browser)
            browser.chat("Hello")
            #expect(try await browser.next(type: "error")["code"] == "gateway_unavailable")
            #expect(try await browser.history().isEmpty)
        }
    }

    /// The gateway took the message, and its answer was lost with the connection.
    @Test func aMessageIsNotAnsweredTwice() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            await rig.gateway.setFaults([.loseAnswer(method: "chat.send")])
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            await rig.gateway.setFaults([])
            await reconnect(rig)
            _ = try await rig.gateway.nextRequest(method: "chat.send")
            let again = try await rig.gateway.nextRequest(method: "chat.send")
            #expect(again.parameters["idempotencyKey"] == "r")
            await run.final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
            #expect(try await stored(browser) == ["user Hello", "assistant Hi"])
        }
    }

    @Test(arguments: [FakeGateway.ProtocolVersion.v3, .v4])
    func anAnswerThatCameWhileNobodyListenedIsFound(version: FakeGateway.ProtocolVersion) async throws {
        var options = Rig.Options()
        options.gateway.protocolVersion = version
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("Hi")
            _ = try await browser.next(state: "delta")
            try await cut(rig, browser)
            await run.final("Hi there")
            await reconnect(rig)
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
            // Protocol 3 does not say that the session is idle: the answer must be the same twice.
            for pause in RunSearch.pauses.prefix(version == .v4 ? 1 : 2) {
                await rig.time.waitForSleeper(of: pause)
                rig.time.advance(by: pause)
            }
            let turn = try await browser.turn("r", after: "Hi")
            #expect(turn.last["state"] == "final")
            #expect(turn.text == "Hi there")
            #expect(turn.streamed == "Hi there")
            #expect(try await stored(browser) == ["user Hello", "assistant Hi there"])
        }
    }

    @Test func aRunThatGoesOnIsCaughtUp() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("One")
            _ = try await browser.next(state: "delta")
            try await cut(rig, browser)
            await run.delta(", two")
            await reconnect(rig)
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
            await rig.time.waitForSleeper(of: .seconds(1))
            rig.time.advance(by: .seconds(1))
            #expect(try await browser.next(state: "delta")["text"] == ", two")
            await run.delta(", three")
            #expect(try await browser.next(state: "delta")["text"] == ", three")
            await run.final()
            #expect(try await browser.turn("r").text == "One, two, three")
        }
    }

    @Test func aRunThatIsGoneEndsAsAnError() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("Hi")
            _ = try await browser.next(state: "delta")
            await rig.gateway.forgetRuns()
            try await cut(rig, browser)
            await reconnect(rig)
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
            for pause in RunSearch.pauses {
                await rig.time.waitForSleeper(of: pause)
                rig.time.advance(by: pause)
            }
            let turn = try await browser.turn("r", after: "Hi")
            #expect(turn.last["error"]?["code"] == "gateway_lost")
            #expect(turn.text == "Hi")
            #expect(try await browser.history().last?["state"] == "failed")
        }
    }

    /// The deadline was too short: the answer counts all the same.
    @Test func aLateAnswerTakesThePlaceOfTheError() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("Hi")
            _ = try await browser.next(state: "delta")
            try await cut(rig, browser)
            await rig.time.waitForSleeper(of: .seconds(300))
            rig.time.advance(by: .seconds(300))
            #expect(try await browser.turn("r", after: "Hi").last["state"] == "error")
            await reconnect(rig)
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
            await run.delta(" there")
            await run.final()
            let turn = try await browser.turn("r")
            #expect(turn.text == "Hi there")
            #expect(turn.streamed == "Hi there")
            let history = try await browser.history()
            #expect(history.map { $0["state"]?.string } == ["complete", "complete"])
        }
    }

    @Test func lostFramesAreNoticed() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("Hi")
            _ = try await browser.next(state: "delta")
            await rig.gateway.setFaults([.loseEvents])
            await run.final("Hi there")
            await rig.gateway.setFaults([])
            await rig.gateway.tick()
            await rig.time.waitForSleeper(of: .seconds(1))
            rig.time.advance(by: .seconds(1))
            #expect(try await browser.turn("r", after: "Hi").text == "Hi there")
        }
    }

    // MARK: After a restart of the server

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
            let sent = MessageRecord(
                gateway: "home", sessionKey: "agent:main:s", owner: nil, role: .user, runID: "old", text: "Hello",
                timestamp: rig.time.now)
            try await rig.database.store(sent, rows: [])
            try await browser.subscribe()
            try await rig.hub.restoreRuns(gateways: ["home"])
            try await cut(rig, browser)
            await reconnect(rig)
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
            for pause in RunSearch.pauses {
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
