import JSON
import MiddlewareTesting
import OpenClawTesting
import Testing

@testable import BrowserEndpoint
@testable import OpenClaw

/// Things that come between the steps of others.
@Suite(.timeLimit(.minutes(1))) struct RaceTests {
    private static var manual: Rig.Options {
        var options = Rig.Options()
        options.gateway.reply = ManualReply()
        return options
    }

    /// A gateway that takes no messages just now would end the run that it is answering.
    @Test func aMessageThatIsBeingAnsweredIsNotHandedOverAgain() async throws {
        var options = Self.manual
        options.whileAway = .reject
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            _ = try await browser.next(state: "accepted")
            let refusal = GatewayRefusal(code: "UNAVAILABLE", message: "too busy")
            await rig.gateway.setFaults([.refuse(method: "chat.send", refusal)])
            browser.chat("Hello")
            _ = try await browser.next(state: "accepted")
            await run.final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
        }
    }

    @Test func aMessageThatWaitsForItsGatewayIsNotGivenUpForItsRepetition() async throws {
        try await Rig.run(Self.manual) { rig in
            let browser = try await rig.browser()
            try await rig.cut(seenBy: browser)
            browser.chat("Hello")
            _ = try await browser.next(state: "status")
            browser.chat("Hello")
            _ = try await browser.next(state: "accepted")
            #expect(await rig.manager.waitingChats.first { $0.gateway == "home" }?.count == 1)
            await rig.reconnect()
            await (try await rig.gateway.nextRun()).final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
        }
    }

    /// The text of the result is all that there is so far.
    @Test func whoSubscribesAgainGetsNothingTwice() async throws {
        try await Rig.run(Self.manual) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("Some")
            _ = try await browser.next(state: "delta")
            await rig.onHub { hub in
                let live = hub.runs.values.first
                let connection = hub.connections.values.first
                if let live, let connection {
                    connection.lags[ObjectIdentifier(live)] = BrowserConnection.Lag(run: live, sentBytes: 0)
                }
            }
            let runs = try await browser.subscribe()
            #expect(runs.first?["text"] == "Some")
            await run.final("Some text")
            #expect(try await browser.turn("r", after: "Some").streamed == "Some text")
        }
    }

    @Test func anAnswerThatCannotBeAskedForIsLookedForLater() async throws {
        try await Rig.run(Self.manual) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await rig.gateway.addMessage("Hi", role: "assistant", to: "s")
            let refusal = GatewayRefusal(code: "UNAVAILABLE", message: "too busy")
            await rig.gateway.setFaults([.refuse(method: "chat.history", refusal)])
            await run.silent()
            await rig.time.waitForSleeper(of: RunSearch.pauses[0])
            await rig.gateway.setFaults([])
            rig.time.advance(by: RunSearch.pauses[0])
            #expect(try await browser.turn("r").text == "Hi")
        }
    }

    @Test func aReaderWhoComesSecondGetsWhatTheGatewayHas() async throws {
        try await Rig.run(Self.manual) { rig in
            await rig.gateway.addMessage("Before", to: "s")
            let (first, second) = (try await rig.browser(), try await rig.browser())
            for browser in [first, second] { browser.send(["type": "history", "sessionKey": "s", "id": "h"]) }
            for browser in [first, second] {
                #expect(try await browser.result()["messages"]?.array?.count == 1)
            }
        }
    }

    /// The run has ended for the browsers; the stages have yet to hear of it.
    @Test func aRunWhoseEndWasShownIsNotUnderWay() async throws {
        try await Rig.run(Self.manual) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            _ = try await rig.gateway.nextRun()
            await rig.onHub { $0.runs.values.first?.isEndShown = true }
            #expect(try await browser.subscribe().isEmpty)
        }
    }

    /// What it says after all belongs to the session that asked.
    @Test func aRunThatWasGivenUpGoesOnInItsOwnSession() async throws {
        try await Rig.run(Self.manual) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("Some ")
            _ = try await browser.next(state: "delta")
            await rig.onHub { hub in
                if let live = hub.runs.values.first { hub.giveUp(live, wasSeen: true) }
                hub.flush()
            }
            #expect(try await browser.turn("r", after: "Some ").last["state"] == "error")
            await run.final("Some text")
            let turn = try await browser.turn("r")
            #expect(turn.deltas.first?["replace"] == true)
            #expect(turn.text == "Some text" && turn.streamed == "Some text")
            #expect(try await browser.stored() == ["user Hello", "assistant Some text"])
        }
    }

    @Test func aMessageThatWasTakenBackIsNotSentWhenItComesAgain() async throws {
        try await Rig.run(Self.manual) { rig in
            let browser = try await rig.browser()
            try await rig.cut(seenBy: browser)
            browser.chat("Hello")
            _ = try await browser.next(state: "status")
            browser.send(["type": "abort", "sessionKey": "s", "runId": "r", "id": "a"])
            #expect(try await browser.turn("r").last["state"] == "aborted")
            await rig.reconnect()
            browser.chat("Hello")
            #expect(try await browser.turn("r").last["state"] == "aborted")
            #expect(await rig.gateway.userMessages(in: "s").isEmpty)
        }
    }

    /// The gateway keeps what the run had said, and that comes with its history.
    @Test func aSessionThatIsDeletedDuringAnAnswerStaysDeleted() async throws {
        try await Rig.run(Self.manual) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("Some text")
            _ = try await browser.next(state: "delta")
            #expect(try await rig.http("DELETE", "/api/gateways/home/sessions/s").status == 200)
            rig.time.advance(by: .seconds(1))
            #expect(try await browser.history().isEmpty)
        }
    }

    /// The gateway takes them out, and must be told of as our own all the same.
    @Test func controlCharactersDoubleNothing() async throws {
        try await Rig.run(Self.manual) { rig in
            let browser = try await rig.browser()
            browser.chat("esc\u{1b}[31mred\u{85}\u{7f}\ttab")
            await (try await rig.gateway.nextRun()).final("Hi")
            _ = try await browser.turn("r")
            #expect(try await browser.stored() == ["user esc[31mred\ttab", "assistant Hi"])
            #expect(await rig.gateway.userMessages(in: "s") == ["esc[31mred\ttab"])
        }
    }
}

extension Rig {
    /// Does something on the hub's event loop.
    fileprivate func onHub(_ body: @Sendable (isolated BrowserHub) -> Void) async { await body(hub) }
}
