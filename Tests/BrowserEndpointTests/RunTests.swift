import JSON
import MiddlewareKit
import OpenClawTesting
import Testing

/// What a gateway may do with a run, and what the browsers and the database make of it.
@Suite(.timeLimit(.minutes(1))) struct RunTests {
    /// Sends a message, lets `play` drive its run, and returns what the browser got and what was stored of the answer.
    private func play(
        _ options: Rig.Options = .init(), _ play: (FakeRun) async -> Void
    ) async throws -> (turn: Turn, stored: [JSONValue]) {
        var result: (Turn, [JSONValue])?
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            await play(try await rig.gateway.nextRun())
            let turn = try await browser.turn("r")
            let stored = try await browser.history().filter { $0["role"] == "assistant" }
            #expect(turn.isRising)
            result = (turn, stored)
        }
        return try #require(result)
    }

    @Test func replacedTextStartsAfresh() async throws {
        let (turn, stored) = try await play { run in
            await run.delta("Wrong")
            await run.replace("Right")
            await run.delta(" so")
            await run.final()
        }
        #expect(turn.deltas.contains { $0["replace"] == true })
        #expect(turn.streamed == "Right so")
        #expect(turn.text == "Right so")
        #expect(stored.map { $0["content"]?.text } == ["Right so"])
    }

    @Test func aFinalThatDiffersIsPrecededByAReplacement() async throws {
        let (turn, stored) = try await play { run in
            await run.delta("A draft")
            await run.final("The answer")
        }
        #expect(turn.deltas.last?["replace"] == true)
        #expect(turn.streamed == "The answer")
        #expect(turn.text == "The answer")
        #expect(stored.map { $0["content"]?.text } == ["The answer"])
    }

    @Test func aFinalThatSaysMoreIsPrecededByTheRest() async throws {
        let (turn, _) = try await play { run in
            await run.delta("Half")
            await run.final("Half and half")
        }
        #expect(turn.deltas.allSatisfy { $0["replace"] == nil })
        #expect(turn.streamed == "Half and half")
        #expect(turn.text == "Half and half")
    }

    /// Two spellings of one character are equal to a String, and not to who joins the deltas.
    @Test func theTextLawHoldsForBytes() async throws {
        let (turn, _) = try await play { run in
            await run.delta("cafe\u{301}")
            await run.final("caf\u{e9}")
        }
        #expect(turn.streamed.utf8.elementsEqual(turn.text.utf8))
        #expect(turn.text.utf8.elementsEqual("caf\u{e9}".utf8))
    }

    @Test func aFinalWithoutMessageKeepsWhatWasStreamed() async throws {
        let (turn, stored) = try await play { run in
            await run.delta("All of it")
            await run.silent()
        }
        #expect(turn.last["state"] == "final")
        #expect(turn.streamed == "All of it")
        #expect(turn.text == "All of it")
        #expect(stored.map { $0["content"]?.text } == ["All of it"])
    }

    @Test(arguments: [["NO_REPLY"], ["NO", "_RE", "PLY"], []])
    func aSilentReplyShowsAndStoresNothing(pieces: [String]) async throws {
        let (turn, stored) = try await play { run in
            for piece in pieces { await run.delta(piece) }
            await run.silent()
        }
        #expect(turn.states == ["accepted", "final"])
        #expect(turn.last["message"]?["content"] == [])
        #expect(stored.isEmpty)
    }

    @Test func thinkingIsNeverVisible() async throws {
        let text = "<think>a secret plan</think>\n\nHello <thinking>more of it</thinking>there"
        let (turn, stored) = try await play { run in
            await run.thinking("in a block")
            for character in text { await run.delta(String(character)) }
            await run.final()
        }
        #expect(turn.streamed == turn.text)
        #expect(stored.map { $0["content"]?.text } == [turn.text])
        #expect(turn.text.hasPrefix("Hello"))
        #expect(turn.text.hasSuffix("there"))
        let everything = turn.frames.map { $0.encoded() }.joined() + stored.map { $0.encoded() }.joined()
        for word in ["secret", "more of it", "think", "in a block"] { #expect(!everything.contains(word)) }
        var shown = ""
        for delta in turn.deltas {
            shown = delta["replace"] == true ? delta["text"]?.string ?? "" : shown + (delta["text"]?.string ?? "")
            #expect(!shown.contains("<") && !shown.contains("plan"))
        }
    }

    /// The rule that rescues an answer which is wrapped as a whole is for whole answers.
    @Test func aRunThatBreaksOffWithinAThoughtShowsNothing() async throws {
        let (turn, stored) = try await play { run in
            await run.delta("<think>a secret plan")
            await run.error("overloaded")
        }
        #expect(turn.last["state"] == "error")
        #expect(turn.text == "")
        #expect(turn.streamed == "")
        #expect(stored.map { $0["content"]?.text } == [""])
    }

    @Test func anAbortedRunKeepsWhatWasSaid() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("Once upon")
            _ = try await browser.next(state: "delta")
            browser.send(["type": "abort", "sessionKey": "S", "runId": "r", "id": "a"])
            var (result, turn) = (JSONValue.null, Turn("Once upon"))
            while result.isNull || !turn.isOver {
                let frame = try await browser.next()
                if frame["type"] == "result" { result = frame } else { turn.take(frame) }
            }
            #expect(result["id"] == "a")
            #expect(result["payload"]?["aborted"] == true)
            #expect(result["payload"]?["runIds"] == ["r"])
            #expect(turn.last["state"] == "aborted")
            #expect(turn.text == "Once upon")
            #expect(turn.streamed == "Once upon")
            let stored = try await browser.history()
            #expect(stored.last?["state"] == "aborted")
            #expect(stored.last?["content"]?.text == "Once upon")
        }
    }

    @Test func anAbortWithoutARunSaysSo() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.send(["type": "abort", "sessionKey": "s", "id": 1])
            let result = try await browser.result()
            #expect(result["aborted"] == false)
            #expect(result["runIds"] == [])
        }
    }

    @Test func aModelErrorComesInTheGatewaysWords() async throws {
        let (turn, stored) = try await play { run in
            await run.delta("I was about to")
            await run.error("429 quota exceeded")
        }
        #expect(turn.last["state"] == "error")
        #expect(turn.last["error"]?["message"] == "429 quota exceeded")
        #expect(turn.text == "I was about to")
        #expect(turn.streamed == "I was about to")
        #expect(stored.map { $0["state"]?.string } == ["failed"])
        #expect(stored.map { $0["error"]?.string } == ["429 quota exceeded"])
        #expect(stored.map { $0["content"]?.text } == ["I was about to"])
    }

    @Test func aRunStartedElsewhereReachesWatchersAndIsStoredOnce() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await browser.subscribe("s")
            let run = await rig.gateway.beginRun(sessionKey: "s", runID: "elsewhere")
            await run.delta("From ")
            await run.delta("afar")
            await run.final()
            let turn = try await browser.turn("elsewhere")
            #expect(turn.states == ["delta", "final"])
            #expect(turn.streamed == "From afar")
            #expect(turn.sessionKeys == ["s"])
            let stored = try await browser.history("s")
            #expect(stored.map { $0["content"]?.text } == ["From afar"])
            #expect(stored.first?["run_id"] == "elsewhere")
        }
    }

    @Test func aRunThatNobodyWatchesIsStoredToo() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            await rig.gateway.broadcastRun(sessionKey: "quiet", text: "Unseen")
            // The runs of a gateway are worked on in the order of its frames.
            browser.chat("Hello")
            _ = try await rig.gateway.nextRun()
            let run = try await rig.gateway.nextRun()
            await run.final("Fine")
            _ = try await browser.turn("r")
            #expect(try await browser.history("quiet").map { $0["content"]?.text } == ["Unseen"])
        }
    }

    @Test func whatComesTwiceCountsOnce() async throws {
        var options = Rig.Options()
        options.gateway.faults = [.duplicateDeltas, .duplicateTerminals]
        let (turn, stored) = try await play(options) { run in
            for piece in ["one ", "two ", "three"] { await run.delta(piece) }
            await run.final()
        }
        #expect(turn.streamed == "one two three")
        #expect(turn.text == "one two three")
        #expect(stored.count == 1)
    }

    @Test(arguments: [
        FakeGateway.Interruption.malformedJSON, .binaryFrame, .badUTF8, .eventOfUnknownRun,
        .oversizeFrame(bytes: 100_000),
    ])
    func aStrangeFrameInTheMiddleDoesNoHarm(_ interruption: FakeGateway.Interruption) async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("one ")
            await rig.gateway.interrupt(interruption)
            await run.delta("two")
            await run.final()
            let turn = try await browser.turn("r")
            #expect(turn.states == ["accepted", "delta", "final"])
            #expect(turn.streamed == "one two")
            #expect(await rig.gateway.clientCount == 1)
        }
    }

    @Test func anOldProtocolGivesTheSameText() async throws {
        var options = Rig.Options()
        options.gateway.protocolVersion = .v3
        let (turn, stored) = try await play(options) { run in
            await run.delta("one ")
            await run.delta("two")
            await run.final()
        }
        #expect(turn.streamed == "one two")
        #expect(turn.text == "one two")
        #expect(stored.count == 1)
    }
}
