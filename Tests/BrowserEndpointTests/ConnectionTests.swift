import BrowserEndpoint
import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClaw
import OpenClawTesting
import Testing

/// What one connection may expect while others, or its own messages, keep the server busy.
@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    /// The stage lets a delta pass between the watching and the way back through the chain.
    @Test func theAnswerToSubscribeComesBeforeTheDeltasThatFollow() async throws {
        let (entered, watching) = AsyncStream<Void>.makeStream()
        let (left, deltaIsOut) = AsyncStream<Void>.makeStream()
        var options = Rig.Options()
        options.stages = [
            .inbound(.subscribe) { message, context, next in
                try await next(message, context)
                watching.yield()
                for await _ in left { break }
            }
        ]
        try await Rig.run(options) { rig in
            let (first, second) = (try await rig.browser(), try await rig.browser())
            first.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("One")
            _ = try await first.next(state: "delta")
            second.send(["type": "subscribe", "sessionKey": "s", "id": "w"])
            for await _ in entered { break }
            await run.delta(" two")
            _ = try await first.next(state: "delta")
            deltaIsOut.yield()
            let answer = try await second.next()
            #expect(answer["type"] == "result")
            #expect(answer["payload"]?["runs"]?[0]?["text"] == "One")
            #expect(try await second.next(state: "delta")["text"] == " two")
            await run.final()
            #expect(try await second.turn("r", after: "One two").text == "One two")
        }
    }

    @Test func messagesThatWaitForTheirGatewayHoldUpNothingElse() async throws {
        var options = Rig.Options()
        options.gatewaysListen = false
        options.limits.maxInFlight = 4
        options.knownKeys = ["home": SessionKeys(json: ["defaultAgent": "main", "mainKey": "main"])]
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            for number in 0..<10 {
                browser.chat("Hello", in: "s\(number)", run: "r\(number)")
                _ = try await browser.next(state: "accepted")
            }
            #expect(try await browser.pending().allSatisfy { $0["type"] == "chat" })
            browser.send(["type": "abort", "sessionKey": "s3", "runId": "r3", "id": "a"])
            #expect(try await browser.next(state: "aborted")["runId"] == "r3")
        }
    }

    @Test func whileItDrainsItTakesNoNewMessagesAndStopsOldOnes() async throws {
        try await Rig.run { rig in
            let (browser, _) = try await rig.answering("Hi")
            async let drained: Void = rig.hub.drain(timeout: .seconds(60))
            await rig.time.waitForSleeper(of: .milliseconds(50))
            browser.chat("And now?", run: "r2")
            let error = try await browser.next(type: "error")
            #expect(error["code"] == "shutting_down")
            #expect(error["retryAfterMs"]?.int != nil)
            #expect(error["runId"] == "r2")
            browser.send(["type": "abort", "sessionKey": "s", "runId": "r", "id": "a"])
            #expect(try await browser.turn("r", after: "Hi").last["state"] == "aborted")
            await rig.time.waitForSleeper(of: .milliseconds(50))
            rig.time.advance(by: .milliseconds(50))
            await drained
            #expect(try await browser.closeCode() == 1001)
        }
    }
}
