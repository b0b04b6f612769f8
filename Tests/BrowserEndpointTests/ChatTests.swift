import JSON
import OpenClawTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct ChatTests {
    @Test func deltasJoinedAreTheFinalAndWhatIsStored() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello", run: "r1")
            let run = try await rig.gateway.nextRun()
            for piece in ["Good ", "morning, ", "world 👋🏽", " é"] { await run.delta(piece) }
            await run.final()
            let turn = try await browser.turn("r1")
            #expect(turn.states == ["accepted", "delta", "final"])
            #expect(turn.frames.first?["message"]?["role"] == "user")
            #expect(turn.frames.first?["message"]?["content"]?.text == "Hello")
            #expect(turn.streamed == "Good morning, world 👋🏽 é")
            #expect(turn.text == turn.streamed)
            #expect(turn.isRising)
            #expect(turn.last["message"]?["id"] == "r1")
            #expect(turn.last["usage"]?["input"]?.int == 2)
            #expect(turn.last["stopReason"] == "stop")
            let stored = try await browser.history()
            #expect(stored.map { $0["role"]?.string } == ["user", "assistant"])
            #expect(stored.map { $0["content"]?.text } == ["Hello", turn.streamed])
            #expect(stored.map { $0["state"]?.string } == ["complete", "complete"])
        }
    }

    @Test func everyBrowserSeesItsOwnSpelling() async throws {
        try await Rig.run { rig in
            let bare = try await rig.browser()
            let upper = try await rig.browser()
            try await upper.subscribe("AGENT:Main:Plans")
            bare.chat("Hello", in: "Plans")
            let run = try await rig.gateway.nextRun()
            #expect(run.prompt.sessionKey == "agent:main:plans")
            await run.delta("Hi")
            await run.final("Hi")
            let (first, second) = (try await bare.turn("r"), try await upper.turn("r"))
            #expect(first.sessionKeys == ["Plans"])
            #expect(second.sessionKeys == ["AGENT:Main:Plans"])
            #expect(second.states == ["accepted", "delta", "final"])
            #expect(first.text == second.text)
        }
    }

    @Test func aBrowserThatWatchesAnotherSessionSeesNothing() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            let stranger = try await rig.browser()
            try await stranger.subscribe("another")
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("Secret")
            await run.final()
            _ = try await browser.turn("r")
            #expect(try await stranger.pending().isEmpty)
        }
    }

    @Test func aLateSubscriberGetsTheTextSoFarAndTheRest() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            let late = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("One")
            let seen = try await browser.next(state: "delta")
            let runs = try await late.subscribe("agent:main:s")
            #expect(runs.count == 1)
            #expect(runs.first?["runId"] == "r")
            #expect(runs.first?["text"] == "One")
            #expect(runs.first?["seq"] == seen["seq"])
            await run.delta(" two")
            await run.final()
            let turn = try await late.turn("r", after: "One")
            #expect(turn.states == ["delta", "final"])
            #expect(turn.streamed == "One two")
            #expect(turn.sequence.allSatisfy { $0 > seen["seq"]?.int ?? .max })
        }
    }

    @Test func whoUnsubscribesSeesNoMore() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            let leaving = try await rig.browser()
            try await leaving.subscribe()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("One ")
            _ = try await leaving.next(state: "delta")
            leaving.send(["type": "unsubscribe", "sessionKey": "S", "id": 7])
            #expect(try await leaving.next(type: "result")["id"] == 7)
            await run.delta("two")
            await run.final()
            #expect(try await browser.turn("r").text == "One two")
            #expect(try await leaving.pending().isEmpty)
        }
    }

    @Test func messagesOfOneSessionReachTheGatewayInOrder() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            for number in 0..<20 { browser.chat("\(number)", run: "r\(number)") }
            for number in 0..<20 {
                let run = try await rig.gateway.nextRun()
                #expect(run.prompt.message == "\(number)")
                await run.final("Answer \(number)")
            }
            #expect(try await browser.turn("r19").text == "Answer 19")
        }
    }

    @Test func theSameKeyTwiceStartsOneRun() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            _ = try await browser.next(state: "accepted")
            // Told of again; the gateway has it already.
            browser.chat("Hello")
            _ = try await browser.next(state: "accepted")
            await run.delta("Once")
            await run.final()
            let turn = try await browser.turn("r")
            #expect(turn.streamed == "Once")
            #expect(turn.text == "Once")
            #expect(try await browser.history().filter { $0["role"] == "assistant" }.count == 1)
        }
    }

    @Test func aKeyOfAFinishedRunIsNotAnsweredAgain() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Once")
            let first = try await browser.turn("r")
            browser.chat("Hello")
            let again = try await browser.turn("r")
            #expect(again.text == "Once")
            #expect(again.last["usage"]?["input"]?.int != nil)
            #expect(again.last["usage"] == first.last["usage"])
            #expect(try await browser.history().filter { $0["role"] == "assistant" }.count == 1)
        }
    }

    /// The gateway was restarted, or the key is old: it would answer again.
    @Test func aKeyOfAFinishedRunIsKnownWhenTheGatewayForgotIt() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Once")
            let first = try await browser.turn("r")
            browser.chat("Hello", run: "other")
            await (try await rig.gateway.nextRun()).final("Twice")
            _ = try await browser.turn("other")
            await rig.gateway.forgetRuns()
            for _ in 1...2 {
                browser.chat("Hello")
                let again = try await browser.turn("r")
                #expect(again.states == ["accepted", "delta", "final"])
                #expect(again.streamed == "Once")
                #expect(again.last["message"] == first.last["message"])
                #expect(again.last["usage"] == first.last["usage"])
            }
            #expect(await rig.gateway.userMessages(in: "s") == ["Hello", "Hello"])
        }
    }

    @Test func aKeyThatWasUsedInAnotherSessionIsRefused() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Yes", in: "two", run: "old")
            await (try await rig.gateway.nextRun()).final("Long ago")
            _ = try await browser.turn("old")
            browser.chat("Hello", in: "one")
            await (try await rig.gateway.nextRun()).final("Fine")
            _ = try await browser.turn("r")
            // The same words were said there before: their answer is not that of this message.
            browser.chat("Yes", in: "two")
            let turn = try await browser.turn("r")
            #expect(turn.last["error"]?["code"] == "key_used")
            #expect(turn.last["error"]?["message"]?.string?.contains("another session") == true)
            #expect(try await browser.history("two").last?["state"] == "failed")
        }
    }

    @Test func aKeyInUseInAnotherSessionIsRefused() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello", in: "one")
            let run = try await rig.gateway.nextRun()
            browser.chat("Hello", in: "two")
            let error = try await browser.next(type: "error")
            #expect(error["code"] == "bad_request")
            #expect(error["id"] == "c")
            #expect(error["sessionKey"] == "two")
            await run.final("Fine")
            let turn = try await browser.turn("r")
            #expect(turn.text == "Fine")
            #expect(turn.sessionKeys == ["one"])
        }
    }
}
