import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClaw
import OpenClawTesting
import Testing

@testable import BrowserEndpoint

/// Messages of which nobody knows whether the gateway got them, and those that were written after them.
@Suite(.timeLimit(.minutes(1))) struct DoubtfulMessageTests {
    /// The gateway tells in whole milliseconds for how long it has been running: what it took just before it was restarted is
    /// looked for, and not sent to it again.
    @Test func itIsNotSentAgainToAGatewayThatWasRestartedInThatVeryMillisecond() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            rig.time.advance(by: .microseconds(600))
            let run = try await rig.loseAnswer(to: "Hello", of: browser)
            await run.final("Hi")
            await rig.gateway.forgetRuns()
            rig.time.advance(by: .microseconds(400))
            await rig.reconnect()
            #expect(try await browser.turn("r").text == "Hi")
            #expect(await rig.gateway.userMessages(in: "s") == ["Hello"])
        }
    }

    /// The agent is to read them in the order in which they were written.
    @Test func whatWasWrittenAfterItStaysBehindIt() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await rig.loseMessage("1", run: "r1", of: browser)
            for number in 2...4 {
                browser.chat("\(number)", run: "r\(number)")
                _ = try await browser.next(state: "status")
            }
            await rig.gateway.forgetRuns()
            await rig.reconnect()
            for number in 1...4 {
                let run = try await rig.gateway.nextRun()
                #expect(run.prompt.message == "\(number)")
                await run.final()
            }
        }
    }

    @Test func whatIsWrittenWhileItIsLookedForStaysBehindIt() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await rig.lookForLostMessage("1", run: "r1", of: browser)
            browser.chat("2", run: "r2")
            _ = try await browser.next { $0["runId"] == "r2" && $0["state"] == "accepted" }
            // Other sessions wait for nothing.
            browser.chat("Elsewhere", in: "t", run: "t1")
            #expect(try await rig.gateway.nextRun().prompt.message == "Elsewhere")
            await rig.gateway.setFaults([])
            try await rig.cut(seenBy: browser)
            await rig.reconnect()
            for number in 1...2 { #expect(try await rig.gateway.nextRun().prompt.message == "\(number)") }
        }
    }

    /// Neither the one in front nor the one behind holds the other up for ever.
    @Test(arguments: ["r1", "r2"]) func eachCanBeTakenBackWhileItIsLookedFor(first: String) async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await rig.lookForLostMessage("1", run: "r1", of: browser)
            browser.chat("2", run: "r2")
            _ = try await browser.next { $0["runId"] == "r2" && $0["state"] == "accepted" }
            #expect(try await browser.abort(first)["aborted"] == true)
            await rig.gateway.setFaults([])
            if first == "r2" { try await rig.cut(seenBy: browser) }
            await rig.reconnect()
            #expect(try await rig.gateway.nextRun().prompt.message == (first == "r1" ? "2" : "1"))
        }
    }

    @Test func whoWaitsBehindItTooLongFailsHonestly() async throws {
        var options = Rig.Options()
        options.whileAway = .queue(maxMessages: 100, maxAge: .seconds(70))
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            try await rig.lookForLostMessage("1", run: "r1", of: browser)
            browser.chat("2", run: "r2")
            await rig.time.waitForSleeper(of: .seconds(70))
            rig.time.advance(by: .seconds(70))
            #expect(try await browser.turn("r2").last["error"]?["code"] == "undelivered")
        }
    }

    /// The gateway has the message, and answers it as if nothing had happened.
    @Test func aStopHoldsWhenTheGatewayHasTheMessage() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            let run = try await rig.loseAnswer(to: "Hello", of: browser)
            #expect(try await browser.abort("r")["aborted"] == true)
            #expect(try await browser.turn("r").last["state"] == "aborted")
            await rig.reconnect()
            let stop = try await rig.gateway.nextRequest(method: "chat.abort")
            #expect(stop.parameters["runId"] == "r")
            await run.final("Hi")
            browser.chat("Next", run: "next")
            await (try await rig.gateway.nextRun()).final("Yes")
            _ = try await browser.next { $0["runId"] == "next" && $0["state"] == "final" }
            #expect(try await browser.stored().contains("assistant Hi") == false)
            #expect(await rig.gateway.requests.count { $0.method == "chat.send" } == 2)
        }
    }

    /// The gateway is not told in time: what it says all the same is not shown.
    @Test func anAnswerToWhatWasStoppedIsNotShown() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            let run = try await rig.loseAnswer(to: "Hello", of: browser)
            _ = try await browser.abort("r")
            #expect(try await browser.turn("r").last["state"] == "aborted")
            await rig.gateway.setFaults([.stall(method: "chat.abort")])
            await rig.reconnect()
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
            await run.final("Hi")
            browser.chat("Next", run: "next")
            await (try await rig.gateway.nextRun()).final("Yes")
            var frames: [JSONValue] = []
            while frames.last?["state"] != "final" { frames.append(try await browser.next()) }
            #expect(frames.compactMap { $0["runId"]?.string }.allSatisfy { $0 == "next" })
        }
    }

    @Test func aSessionThatWasDeletedMeanwhileDoesNotComeBack() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            let run = try await rig.loseAnswer(to: "Hello", of: browser)
            #expect(try await rig.http("DELETE", "/api/gateways/home/sessions/agent:main:s").status == 200)
            await rig.gateway.setFaults([.stall(method: "chat.abort")])
            await rig.reconnect()
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
            await run.final("Hi")
            browser.chat("Elsewhere", in: "t", run: "t1")
            await (try await rig.gateway.nextRun()).final("Yes")
            _ = try await browser.turn("t1")
            #expect(try await rig.http("GET", "/api/gateways/home/sessions/agent:main:s").status == 404)
        }
    }

    /// Each of them would come back as soon as its pause is over.
    @Test func onlySoManyWaitForAGatewayThatAsksForPatience() async throws {
        var options = Rig.Options()
        options.whileAway = .queue(maxMessages: 2, maxAge: .seconds(60))
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            let refusal = GatewayRefusal(
                code: "UNAVAILABLE", message: "restarting", details: #"{"reason":"gateway-restarting"}"#,
                isRetryable: true, retryAfterMs: 20_000)
            await rig.gateway.setFaults([.refuse(method: "chat.send", refusal)])
            for number in 1...5 { browser.chat("Hello", in: "s\(number)", run: "r\(number)") }
            var refused: Set<String> = []
            while refused.count < 3 {
                let frame = try await browser.next { $0["state"] == "error" }
                #expect(frame["error"]?["code"] == "gateway_unavailable")
                #expect(frame["error"]?["message"]?.string?.contains("too many") == true)
                refused.insert(frame["runId"]?.string ?? "")
            }
            #expect(await rig.manager.waitingChats.first { $0.gateway == "home" }?.count == 2)
        }
    }
}

extension Rig {
    /// The browser writes a message, and the connection is lost before the gateway has read it.
    fileprivate func loseMessage(_ message: String, run: String, of browser: Browser) async throws {
        await gateway.setFaults([.stall(method: "chat.send")])
        browser.chat(message, run: run)
        _ = try await gateway.nextRequest(method: "chat.send")
        await gateway.setFaults([])
        try await cut(seenBy: browser)
    }

    /// A message was lost, the gateway was restarted, and does not say whether it has it.
    fileprivate func lookForLostMessage(_ message: String, run: String, of browser: Browser) async throws {
        try await loseMessage(message, run: run, of: browser)
        await gateway.forgetRuns()
        await gateway.setFaults([.stall(method: "chat.history")])
        await reconnect()
        _ = try await gateway.nextRequest(method: "chat.history")
    }

    /// The browser writes a message, which the gateway takes, and the connection is lost before its answer has come.
    fileprivate func loseAnswer(to message: String, of browser: Browser) async throws -> FakeRun {
        // The gateway has been running for a while, so that nothing speaks for a restart.
        time.advance(by: .seconds(1))
        await gateway.setFaults([.loseAnswer(method: "chat.send")])
        browser.chat(message)
        let run = try await gateway.nextRun()
        _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
        await gateway.setFaults([])
        return run
    }
}

extension Browser {
    fileprivate func abort(_ runID: String) async throws -> JSONValue {
        send(["type": "abort", "sessionKey": "s", "runId": .string(runID), "id": "a"])
        return try await result()
    }
}
