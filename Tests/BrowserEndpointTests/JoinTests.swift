import JSON
import MiddlewareTesting
import OpenClawTesting
import Testing

/// Gateways that take a message for one that they are answering already.
@Suite(.timeLimit(.minutes(1))) struct JoinTests {
    private static var joining: Rig.Options {
        var options = Rig.Options()
        options.gateway.joinsEqualMessages = true
        return options
    }

    @Test func bothMessagesGetTheAnswer() async throws {
        try await Rig.run(Self.joining) { rig in
            let (one, two) = (try await rig.browser(), try await rig.browser())
            one.chat("Hello", run: "a")
            let run = try await rig.gateway.nextRun()
            await run.delta("Hi")
            _ = try await one.next(state: "delta")
            two.chat("Hello", run: "b")
            for _ in 1...2 { _ = try await rig.gateway.nextRequest(method: "chat.send") }
            await run.final("Hi there")
            #expect(try await one.turn("a", after: "Hi").text == "Hi there")
            let turn = try await two.turn("b")
            #expect(turn.text == "Hi there" && turn.streamed == "Hi there")
            let history = try await one.history()
            #expect(history.map { $0["state"]?.string } == Array(repeating: "complete", count: 4))
        }
    }

    /// Another client of the gateway asked the same.
    @Test(arguments: [true, false]) func theRunOfAnotherClientAnswers(isTalking: Bool) async throws {
        try await Rig.run(Self.joining) { rig in
            let browser = try await rig.browser()
            let body: JSONValue = ["id": "extra", "name": "Extra", "url": .string(await rig.gateway.url)]
            #expect(try await rig.http("POST", "/api/gateways", body: body.encoded()).status == 201)
            _ = try await browser.next { $0["gateway"] == "extra" && $0["connected"] == true }
            browser.send([
                "type": "chat", "gateway": "extra", "sessionKey": "s", "message": "Hello", "idempotencyKey": "a",
            ])
            let run = try await rig.gateway.nextRun()
            if isTalking { await run.delta("Hi") }
            browser.send([
                "type": "chat", "gateway": "home", "sessionKey": "s", "message": "Hello", "idempotencyKey": "b",
            ])
            for _ in 1...2 { _ = try await rig.gateway.nextRequest(method: "chat.send") }
            await run.final("Hi there")
            let turn = try await browser.turn("b")
            #expect(turn.last["state"] == "final")
            #expect(turn.text == "Hi there" && turn.streamed == "Hi there")
        }
    }

    /// The key was used before, and the agent chose to say nothing: no reason to ask again.
    @Test func aSilentAnswerToTheSameKeyIsNoFailure() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            // The gateway was there before the message.
            rig.time.advance(by: .seconds(1))
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).silent()
            #expect(try await browser.turn("r").last["state"] == "final")
            browser.chat("Hello")
            let turn = try await browser.turn("r")
            #expect(turn.last["state"] == "final")
            #expect(turn.text == "")
        }
    }

    @Test func theAnswerToTheSameKeyComesAgain() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Hi")
            _ = try await browser.turn("r")
            rig.time.advance(by: .seconds(120))
            browser.chat("Hello")
            #expect(try await browser.turn("r").text == "Hi")
        }
    }
}
