import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClaw
import OpenClawTesting
import Stages
import Storage
import Testing

@testable import BrowserEndpoint

/// Messages that go to another gateway or agent than their session's: for browsers and storage the session stays what it is.
@Suite(.timeLimit(.minutes(1))) struct RouteTests {
    private static func options(_ targets: [(gateway: String?, agent: String?)]) -> Rig.Options {
        var options = Rig.Options()
        options.gateways = ["home", "spare"]
        var route = RouteOptions()
        route.to = targets.map { gateway, agent in
            var target = RouteTarget()
            (target.gateway, target.agent) = (gateway, agent)
            return target
        }
        options.route = route
        return options
    }

    private func chat(_ browser: Browser, _ text: String, run: String = "r", session: String = "s") {
        browser.send([
            "type": "chat", "gateway": "home", "sessionKey": .string(session), "message": .string(text),
            "idempotencyKey": .string(run),
        ])
    }

    private func history(_ browser: Browser, gateway: String, _ session: String = "s") async throws -> [String] {
        browser.send(["type": "history", "gateway": .string(gateway), "sessionKey": .string(session), "id": "h"])
        let messages = try await browser.result()["messages"]?.array ?? []
        return messages.map { "\($0["role"]?.string ?? "") \($0["content"]?.text ?? "")" }
    }

    @Test func theAnswerComesBackToTheSession() async throws {
        try await Rig.run(Self.options([("spare", nil)])) { rig in
            let browser = try await rig.browser()
            chat(browser, "Hello")
            let run = try await rig.gateways[1].nextRun()
            #expect(run.prompt.message == "Hello")
            #expect(run.prompt.sessionKey == "agent:main:routed:home:agent:main:s")
            await run.delta("<think>hm</think>Hi ")
            await run.final("<think>hm</think>Hi there")
            let turn = try await browser.turn("r")
            #expect(turn.text == "Hi there" && turn.streamed == "Hi there")
            #expect(turn.sessionKeys == ["s"] && turn.last["gateway"] == "home")
            #expect(try await history(browser, gateway: "home") == ["user Hello", "assistant Hi there"])
            let asked = await rig.gateway.requests.map(\.method)
            #expect(!asked.contains("chat.send"))
        }
    }

    @Test func anotherAgentOfTheSameGatewayAnswers() async throws {
        var options = Self.options([(nil, "helper")])
        options.gateway.agents.append(FakeGateway.Agent(id: "helper"))
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            chat(browser, "Hello")
            let run = try await rig.gateway.nextRun()
            #expect(run.prompt.sessionKey == "agent:helper:routed:home:agent:main:s")
            await run.final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
        }
    }

    @Test func theNextOneTakesOverWhenTheFirstIsAway() async throws {
        try await Rig.run(Self.options([("home", nil), ("spare", nil)])) { rig in
            let browser = try await rig.browser()
            chat(browser, "One", run: "r1")
            await (try await rig.gateway.nextRun()).final("from home")
            #expect(try await browser.turn("r1").text == "from home")
            await rig.gateway.interrupt(.cut)
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            chat(browser, "Two", run: "r2")
            await (try await rig.gateways[1].nextRun()).final("from spare")
            #expect(try await browser.turn("r2").text == "from spare")
            #expect(
                try await history(browser, gateway: "home")
                    == ["user One", "assistant from home", "user Two", "assistant from spare"])
        }
    }

    @Test func whatIsUnderWayElsewhereIsStoppedThere() async throws {
        try await Rig.run(Self.options([("spare", nil)])) { rig in
            let browser = try await rig.browser()
            for run in ["r1", "r2"] {
                chat(browser, "Count \(run)", run: run)
                await (try await rig.gateways[1].nextRun()).delta("1, 2")
                _ = try await browser.next(state: "delta")
                var frame: JSONObject = ["type": "abort", "gateway": "home", "sessionKey": "s"]
                // Once by its name, and once whatever is under way.
                if run == "r1" { frame["runId"] = "r1" }
                browser.send(.object(frame))
                let turn = try await browser.turn(run)
                #expect(turn.last["state"] == "aborted" && turn.text == "1, 2")
            }
        }
    }

    /// Two sessions that are routed to one agent do not meet there, and nobody else can look into what is said.
    /// What counts is who answers, not whose session it is.
    @Test func aRemovedGatewayEndsTheRunsThatItAnswers() async throws {
        try await Rig.run(Self.options([("spare", nil)])) { rig in
            let browser = try await rig.browser()
            chat(browser, "Hello")
            _ = try await rig.gateways[1].nextRun()
            await rig.hub.removeGateway("spare")
            #expect(try await browser.turn("r").last["error"]?["code"] == "gateway_lost")
        }
        try await Rig.run(Self.options([("spare", nil)])) { rig in
            let browser = try await rig.browser()
            chat(browser, "Hello")
            let run = try await rig.gateways[1].nextRun()
            await rig.hub.removeGateway("home")
            await run.final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
        }
    }

    @Test func conversationsStayApart() async throws {
        var options = Self.options([("spare", nil)])
        options.auth = .apiKeys
        try await Rig.run(options) { rig in
            var browsers: [Browser] = []
            for user in ["ada", "bob"] {
                let key = try await rig.database.createKey(user: user, isAdministrator: false).text
                browsers.append(try await rig.browser(headers: [("Authorization", "Bearer \(key)")]))
            }
            chat(browsers[0], "Hello", session: "ada's")
            let run = try await rig.gateways[1].nextRun()
            let upstream = run.prompt.sessionKey
            browsers[1].send([
                "type": "subscribe", "gateway": "spare", "sessionKey": .string(upstream), "id": "w",
            ])
            #expect(try await browsers[1].next(type: "error")["code"] == "forbidden")
            browsers[1].send([
                "type": "chat", "gateway": "spare", "sessionKey": .string(upstream), "message": "What did Ada say?",
            ])
            #expect(try await browsers[1].next(type: "error")["code"] == "forbidden")
            await run.final("Hi Ada")
            #expect(try await browsers[0].turn("r").text == "Hi Ada")
            chat(browsers[1], "Hello", run: "b", session: "bob's")
            #expect(try await rig.gateways[1].nextRun().prompt.sessionKey != upstream)
        }
    }

    /// The session is away, the target is there: the message is not refused, and not sent twice when the session is back.
    @Test func aSessionWhoseGatewayIsAwayCanBeAnswered() async throws {
        var options = Self.options([("spare", nil)])
        options.whileAway = .reject
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            await rig.gateway.interrupt(.cut)
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            chat(browser, "Hello")
            await (try await rig.gateways[1].nextRun()).final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
        }
    }

    @Test func whenNobodyIsThereTheMessageIsRefusedAndNotStored() async throws {
        var options = Self.options([("spare", nil)])
        options.whileAway = .reject
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            await rig.gateways[1].interrupt(.cut)
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            chat(browser, "Hello")
            #expect(try await browser.next(type: "error")["code"] == "gateway_unavailable")
            #expect(try await history(browser, gateway: "home").isEmpty)
        }
    }

    /// After a start the answer is looked for where the message went.
    @Test func afterAStartTheAnswerIsFound() async throws {
        try await Rig.run(Self.options([("spare", nil)])) { rig in
            let browser = try await rig.browser()
            var sent = MessageRecord(
                gateway: "home", sessionKey: "agent:main:s", owner: nil, role: .user, runID: "old", text: "Hello",
                timestamp: rig.time.now)
            sent.route = MessageRoute(gateway: "spare")
            try await rig.database.store(sent, rows: [])
            browser.send(["type": "subscribe", "gateway": "home", "sessionKey": "s", "id": "w"])
            _ = try await browser.result()
            try await rig.hub.restoreRuns(gateways: ["home", "spare"])
            let run = await rig.gateways[1].beginRun(sessionKey: "agent:main:routed:home:agent:main:s", runID: "old")
            await run.final("Found")
            let turn = try await browser.turn("old")
            #expect(turn.text == "Found" && turn.last["gateway"] == "home")
        }
    }
}
