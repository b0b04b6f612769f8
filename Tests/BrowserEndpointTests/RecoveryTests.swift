import Foundation
import JSON
import MiddlewareKit
import MiddlewareTesting
import NIOCore
import OpenClaw
import OpenClawTesting
import Storage
import Synchronization
import Testing

@testable import BrowserEndpoint

/// Connections that are lost at a bad moment: no message is lost or doubled, and every run ends.
@Suite(.timeLimit(.minutes(1))) struct RecoveryTests {
    @Test func aMessageWaitsForItsGateway() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await rig.cut(seenBy: browser)
            browser.chat("Hello")
            let waiting = try await browser.next(state: "status")
            #expect(waiting["phase"] == "waiting_for_gateway")
            await rig.reconnect()
            await (try await rig.gateway.nextRun()).final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
            #expect(try await browser.stored() == ["user Hello", "assistant Hi"])
        }
    }

    /// Its time of waiting is part of what the figures call queued.
    @Test func theTimeOfWaitingIsToldToStages() async throws {
        let timings = Mutex<[RunTiming]>([])
        var options = Rig.Options()
        options.stages = [
            .outbound(.final) { event, context, next in
                timings.withLock { $0.append(event.timing) }
                try await next(event, context)
            }
        ]
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            try await rig.cut(seenBy: browser)
            browser.chat("Hello")
            _ = try await browser.next(state: "status")
            rig.time.advance(by: .seconds(2))
            await rig.reconnect()
            await (try await rig.gateway.nextRun()).final("Hi")
            _ = try await browser.turn("r")
        }
        #expect(timings.withLock { $0.map { $0.queued ?? .zero >= .seconds(2) } } == [true])
    }

    @Test func messagesThatWaitKeepTheirOrder() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await rig.cut(seenBy: browser)
            for number in 1...5 {
                browser.chat("\(number)", run: "r\(number)")
                _ = try await browser.next(state: "status")
            }
            await rig.reconnect()
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
            try await rig.cut(seenBy: browser)
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
            try await rig.cut(seenBy: browser)
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
            try await rig.cut(seenBy: browser)
            browser.chat("1", run: "r1")
            _ = try await browser.next(state: "status")
            browser.chat("2", run: "r2")
            let error = try await browser.next(type: "error")
            #expect(error["code"] == "gateway_unavailable")
            #expect(error["runId"] == "r2")
        }
    }

    /// All are on their way before the first one waits.
    @Test func onlySoManyWaitOfThoseThatComeAtOnce() async throws {
        var options = Rig.Options()
        options.whileAway = .queue(maxMessages: 2, maxAge: .seconds(60))
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            try await rig.cut(seenBy: browser)
            for number in 1...6 { browser.chat("Hello", in: "s\(number)", run: "r\(number)") }
            var refused: Set<String> = []
            while refused.count < 4 {
                let frame = try await browser.next { $0["type"] == "error" || $0["state"] == "error" }
                refused.insert(frame["runId"]?.string ?? "")
            }
            #expect(await rig.manager.waitingChats.first { $0.gateway == "home" }?.count == 2)
        }
    }

    @Test func aKeyInUseIsForNoOtherMessage() async throws {
        var options = Rig.Options()
        options.gateway.reply = ManualReply()
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            browser.chat("Something else")
            let error = try await browser.next(type: "error")
            #expect(error["code"] == "bad_request")
            // The same words again are the same message.
            browser.chat("Hello")
            await run.final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
            #expect(try await browser.stored() == ["user Hello", "assistant Hi"])
        }
    }

    @Test func aKeyThatWasAnsweredIsForNoOtherMessage() async throws {
        var options = Rig.Options()
        options.gateway.reply = ManualReply()
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Hi")
            _ = try await browser.turn("r")
            browser.chat("Something else")
            #expect(try await browser.next(type: "error")["code"] == "bad_request")
            #expect(try await browser.stored() == ["user Hello", "assistant Hi"])
            browser.chat("Hello")
            #expect(try await browser.turn("r").text == "Hi")
        }
    }

    @Test func whatWaitsForItsGatewayIsLeftToTheNextStart() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await rig.cut(seenBy: browser)
            browser.chat("Hello")
            #expect(try await browser.next(state: "status")["phase"] == "waiting_for_gateway")
            await rig.hub.drain(timeout: .zero)
            await rig.manager.stop()
            #expect(try await rig.database.unfinishedRuns(since: Timestamp(milliseconds: 0)).map(\.runID) == ["r"])
        }
    }

    @Test func whereWaitingIsNotWantedTheMessageIsRefused() async throws {
        var options = Rig.Options()
        options.whileAway = .reject
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            try await rig.cut(seenBy: browser)
            browser.chat("Hello")
            #expect(try await browser.next(type: "error")["code"] == "gateway_unavailable")
            #expect(try await browser.history().isEmpty)
        }
    }

    /// The gateway took the message, and its answer was lost with the connection.
    @Test func aMessageIsNotAnsweredTwice() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            // The gateway has been running for a while, so that nothing speaks for a restart.
            rig.time.advance(by: .seconds(1))
            await rig.gateway.setFaults([.loseAnswer(method: "chat.send")])
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            await rig.gateway.setFaults([])
            await rig.reconnect()
            _ = try await rig.gateway.nextRequest(method: "chat.send")
            let again = try await rig.gateway.nextRequest(method: "chat.send")
            #expect(again.parameters["idempotencyKey"] == "r")
            await run.final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
            #expect(try await browser.stored() == ["user Hello", "assistant Hi"])
        }
    }

    /// The gateway was restarted after the message, whose words had been said and answered a minute before.
    @Test(arguments: [true, false]) func theSameWordsAgainAreAnotherMessage(hasArrived: Bool) async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("yes", run: "first")
            await (try await rig.gateway.nextRun()).final("One")
            _ = try await browser.turn("first")
            rig.time.advance(by: .seconds(60))
            await rig.gateway.setFaults([
                hasArrived ? .loseAnswer(method: "chat.send") : .stall(method: "chat.send")
            ])
            browser.chat("yes", run: "second")
            _ = try await browser.next { $0["runId"] == "second" && $0["state"] == "accepted" }
            _ = try await rig.gateway.nextRequest(method: "chat.send")
            _ = try await rig.gateway.nextRequest(method: "chat.send")
            if hasArrived { await (try await rig.gateway.nextRun()).final("Two") }
            await rig.gateway.setFaults([])
            await rig.gateway.forgetRuns()
            await rig.gateway.interrupt(.cut)
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            await rig.reconnect()
            if !hasArrived { await (try await rig.gateway.nextRun()).final("Two") }
            #expect(try await browser.turn("second").text == "Two")
            #expect(try await browser.stored() == ["user yes", "assistant One", "user yes", "assistant Two"])
            #expect(await rig.gateway.userMessages(in: "s") == ["yes", "yes"])
        }
    }

    /// That the deadline was missed is told by hand here.
    @Test func thatAGatewayDoesNotAnswerIsTold() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            await rig.gateway.setFaults([.stall(method: "chat.send")])
            browser.chat("Hello")
            _ = try await rig.gateway.nextRequest(method: "chat.send")
            let hub = rig.hub
            for _ in 1...2 {
                try await hub.eventLoop.submit { hub.gateway("home", didReceive: .unanswered(runID: "r")) }.get()
            }
            #expect(try await browser.next(state: "status")["phase"] == "asking_again")
            // Who comes later is told as well.
            let second = try await rig.browser()
            try await second.subscribe()
            #expect(try await second.next(state: "status")["phase"] == "asking_again")
            await rig.gateway.setFaults([])
            try await rig.cut(seenBy: browser)
            await rig.reconnect()
            await (try await rig.gateway.nextRun()).final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
        }
    }

    /// The history could not be read: that says nothing about the message.
    @Test func aFailedLookUpDoublesNothing() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            await rig.gateway.setFaults([.loseAnswer(method: "chat.send")])
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            await rig.gateway.forgetRuns()
            await rig.gateway.setFaults([.loseAnswer(method: "chat.history")])
            await rig.reconnect()
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            await rig.gateway.setFaults([])
            await rig.reconnect()
            _ = try await rig.gateway.nextRequest(method: "chat.history")
            _ = try await rig.gateway.nextRequest(method: "chat.history")
            await rig.gateway.addMessage("Hi", role: "assistant", to: run.prompt.sessionKey)
            // The search passes over the run until the first look-up is through.
            var turn = Turn()
            while !turn.isOver {
                for frame in try await browser.pending() where frame["type"] == "chat" { turn.take(frame) }
                rig.time.advance(by: .seconds(1))
            }
            #expect(turn.text == "Hi")
            #expect(await rig.gateway.userMessages(in: "s") == ["Hello"])
        }
    }

    @Test func aGatewayThatAsksForPatienceGetsTheMessageLater() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            let refusal = GatewayRefusal(
                code: "UNAVAILABLE", message: "restarting", details: #"{"reason":"gateway-restarting"}"#,
                isRetryable: true, retryAfterMs: 1_500)
            await rig.gateway.setFaults([.refuse(method: "chat.send", refusal)])
            browser.chat("Hello")
            await rig.time.waitForSleeper(of: .milliseconds(1_500))
            await rig.gateway.setFaults([])
            rig.time.advance(by: .milliseconds(1_500))
            await (try await rig.gateway.nextRun()).final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
        }
    }

    @Test(arguments: [FakeGateway.ProtocolVersion.v3, .v4])
    func anAnswerThatCameWhileNobodyListenedIsFound(version: FakeGateway.ProtocolVersion) async throws {
        var options = Rig.Options()
        options.gateway.protocolVersion = version
        try await Rig.run(options) { rig in
            let (browser, run) = try await rig.answering("Hi")
            try await rig.cut(seenBy: browser)
            await run.final("Hi there")
            await rig.reconnect()
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
            #expect(try await browser.stored() == ["user Hello", "assistant Hi there"])
        }
    }

    @Test func aRunThatGoesOnIsCaughtUp() async throws {
        try await Rig.run { rig in
            let (browser, run) = try await rig.answering("One")
            try await rig.cut(seenBy: browser)
            await run.delta(", two")
            await rig.reconnect()
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
            let (browser, _) = try await rig.answering("Hi")
            await rig.gateway.forgetRuns()
            try await rig.cut(seenBy: browser)
            await rig.reconnect()
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
            let (browser, run) = try await rig.answering("Hi")
            try await rig.cut(seenBy: browser)
            await rig.time.waitForSleeper(of: .seconds(300))
            rig.time.advance(by: .seconds(300))
            let lost = try await browser.turn("r", after: "Hi")
            #expect(lost.last["state"] == "error")
            await rig.reconnect()
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
            await run.delta(" there")
            await run.final()
            let turn = try await browser.turn("r")
            #expect(turn.isRising)
            #expect(try #require(lost.sequence.last) < (try #require(turn.sequence.first)))
            #expect(turn.text == "Hi there")
            #expect(turn.streamed == "Hi there")
            let history = try await browser.history()
            #expect(history.map { $0["state"]?.string } == ["complete", "complete"])
        }
    }

    @Test func lostFramesAreNoticed() async throws {
        try await Rig.run { rig in
            let (browser, run) = try await rig.answering("Hi")
            await rig.gateway.setFaults([.loseEvents])
            await run.final("Hi there")
            await rig.gateway.setFaults([])
            await rig.gateway.tick()
            await rig.time.waitForSleeper(of: .seconds(1))
            rig.time.advance(by: .seconds(1))
            #expect(try await browser.turn("r", after: "Hi").text == "Hi there")
        }
    }

    /// Each attempt to connect fails: the patience with the gateway begins once.
    @Test func aGatewayThatStaysAwayIsNotWaitedForForEver() async throws {
        try await Rig.run { rig in
            let (browser, _) = try await rig.answering("Hi")
            await rig.gateway.setFaults([.refuseConnect(GatewayRefusal(code: "UNAVAILABLE", message: "too busy"))])
            try await rig.cut(seenBy: browser)
            await rig.time.waitForSleeper(of: .seconds(300))
            for _ in 1...2 {
                rig.time.advance(by: .seconds(100))
                await rig.reconnect()
                _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            }
            rig.time.advance(by: .seconds(100))
            #expect(try await browser.turn("r", after: "Hi").last["error"]?["code"] == "gateway_lost")
        }
    }

    /// Neither the end nor anything after it arrives: the socket looks well.
    @Test(arguments: [FakeGateway.ProtocolVersion.v3, .v4])
    func anEndThatIsLostWithoutATraceIsFound(version: FakeGateway.ProtocolVersion) async throws {
        var options = Rig.Options()
        options.gateway.protocolVersion = version
        try await Rig.run(options) { rig in
            let (browser, run) = try await rig.answering("Hi")
            await rig.gateway.setFaults([.loseEvents])
            await run.final("Hi there")
            for _ in 1...(version == .v4 ? 1 : 2) {
                await rig.time.waitForSleeper(of: QuietSearch.interval)
                rig.time.advance(by: QuietSearch.interval)
            }
            #expect(try await browser.turn("r", after: "Hi").text == "Hi there")
        }
    }

    @Test func anEndWithoutTextIsLookedUp() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await rig.gateway.addMessage("Look at your phone", role: "assistant", to: "s")
            await run.silent()
            #expect(try await browser.turn("r").text == "Look at your phone")
        }
    }

    /// The run was given up, and its answer turns up in the gateway's history.
    @Test func whatWasGivenUpIsHealed() async throws {
        try await Rig.run { rig in
            let (browser, run) = try await rig.answering("Hi")
            try await rig.cut(seenBy: browser)
            await rig.time.waitForSleeper(of: .seconds(300))
            rig.time.advance(by: .seconds(300))
            let lost = try await browser.turn("r", after: "Hi")
            #expect(lost.last["state"] == "error")
            await run.final("Hi there")
            await rig.reconnect()
            let healed = try await browser.turn("r")
            #expect(healed.text == "Hi there")
            #expect(try #require(lost.sequence.last) < (try #require(healed.sequence.first)))
            #expect(try await browser.history().map { $0["state"]?.string } == ["complete", "complete"])
        }
    }
}
