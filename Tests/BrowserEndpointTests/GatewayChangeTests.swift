import BrowserEndpoint
import JSON
import MiddlewareTesting
import OpenClaw
import OpenClawTesting
import Storage
import Testing

/// Gateways that are changed and removed while the server runs.
@Suite(.timeLimit(.minutes(1))) struct GatewayChangeTests {
    private static func manual() -> Rig.Options {
        var options = Rig.Options()
        options.gateway.reply = ManualReply()
        return options
    }

    /// Adds a second way to the rig's gateway, under the id `extra`, and waits for its connection.
    private func addExtra(_ rig: Rig, _ browser: Browser, token: String = "t0ps3cret") async throws {
        let body: JSONValue = [
            "id": "extra", "name": "Extra", "url": .string(await rig.gateway.url), "token": .string(token),
        ]
        #expect(try await rig.http("POST", "/api/gateways", body: body.encoded()).status == 201)
        _ = try await browser.next { $0["gateway"] == "extra" && $0["connected"] == true }
    }

    /// The hub looks every 50 ms whether runs are left.
    private func ticking(_ rig: Rig) -> Task<Void, Never> {
        Task {
            while !Task.isCancelled {
                rig.time.advance(by: .milliseconds(50))
                await Task.yield()
            }
        }
    }

    @Test func aNameCanBeChangedAndTheSecretStays() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await addExtra(rig, browser)
            let answer = try await rig.http("PATCH", "/api/gateways/extra", body: #"{"name":"Better"}"#)
            #expect(answer.status == 200)
            #expect(answer.json["name"] == "Better")
            #expect(!answer.text.contains("t0ps3cret"))
            #expect(try await rig.database.gateways().first?.token == "t0ps3cret")
            #expect(try await rig.http("GET", "/api/gateways").json.array?.last?["name"] == "Better")
        }
    }

    @Test func anotherAddressDoesNotGetTheOldSecret() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await addExtra(rig, browser)
            let body = #"{"url":"ws://127.0.0.1:9"}"#
            #expect(try await rig.http("PATCH", "/api/gateways/extra", body: body).json["connected"] == false)
            #expect(try await rig.database.gateways().first?.token == nil)
            #expect(try await rig.database.gateways().first?.url == "ws://127.0.0.1:9")
        }
    }

    @Test(arguments: [
        ("mars", "{}", 404), ("home", #"{"name":"x"}"#, 409), ("home", #"{"name":" "}"#, 400),
        ("home", #"{"url":"http://x"}"#, 400), ("home", #"{"id":"y"}"#, 400),
    ])
    func whatCannotBeChanged(id: String, body: String, status: Int) async throws {
        try await Rig.run { rig in
            let answer = try await rig.http("PATCH", "/api/gateways/\(id)", body: body)
            #expect(answer.status == status)
        }
    }

    /// What is under way goes on over the new connection: nothing is shown twice, and what waits is sent.
    @Test func aChangeDuringARunLosesAndDoublesNothing() async throws {
        try await Rig.run(Self.manual()) { rig in
            let browser = try await rig.browser()
            try await addExtra(rig, browser)
            func chat(_ text: String, _ run: String) {
                browser.send([
                    "type": "chat", "gateway": "extra", "sessionKey": "s", "message": .string(text),
                    "idempotencyKey": .string(run),
                ])
            }
            chat("Hi", "r")
            let run = try await rig.gateway.nextRun()
            await run.delta("One")
            _ = try await browser.next(state: "delta")
            // The answer to this one is lost with the old connection.
            await rig.gateway.setFaults([.stall(method: "chat.send")])
            chat("And?", "q")
            _ = try await rig.gateway.nextRequest(method: "chat.send")
            _ = try await rig.gateway.nextRequest(method: "chat.send")
            await rig.gateway.setFaults([])
            let answer = try await rig.http("PATCH", "/api/gateways/extra", body: #"{"token":"another"}"#)
            #expect(answer.status == 200)
            _ = try await browser.next { $0["gateway"] == "extra" && $0["connected"] == true }
            await run.delta(", two")
            await run.final()
            let turn = try await browser.turn("r", after: "One")
            #expect(turn.text == "One, two")
            #expect(turn.streamed == "One, two")
            let again = try await rig.gateway.nextRun()
            #expect(again.id == "q")
            await again.final("So")
            #expect(try await browser.turn("q").text == "So")
        }
    }

    @Test func whatWaitsIsSentOverTheNewConnection() async throws {
        try await Rig.run(Self.manual()) { rig in
            let browser = try await rig.browser()
            try await addExtra(rig, browser)
            await rig.gateway.setFaults([.refuseConnect(GatewayRefusal(code: "UNAVAILABLE", message: "too busy"))])
            await rig.gateway.interrupt(.cut)
            _ = try await browser.next { $0["gateway"] == "extra" && $0["state"] == "backing-off" }
            browser.send([
                "type": "chat", "gateway": "extra", "sessionKey": "s", "message": "Hi", "idempotencyKey": "r",
            ])
            #expect(try await browser.next(state: "status")["phase"] == "waiting_for_gateway")
            let answer = try await rig.http("PATCH", "/api/gateways/extra", body: #"{"token":"another"}"#)
            #expect(answer.status == 200)
            // Not before: the old connection must not come back, with the message, while it is replaced.
            await rig.gateway.setFaults([])
            #expect(try await rig.http("POST", "/api/gateways/extra/connect").status == 200)
            await (try await rig.gateway.nextRun()).final("Hello")
            #expect(try await browser.turn("r").text == "Hello")
        }
    }

    @Test func aNewNameNeedsNoNewConnection() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await addExtra(rig, browser)
            let answer = try await rig.http("PATCH", "/api/gateways/extra", body: #"{"name":"Better"}"#)
            #expect(answer.json["connected"] == true)
            #expect(try await browser.pending().allSatisfy { $0["type"] != "gateway" })
        }
    }

    @Test func removalCanAbortRuns() async throws {
        try await Rig.run(Self.manual()) { rig in
            let browser = try await rig.browser()
            try await addExtra(rig, browser)
            browser.send([
                "type": "chat", "gateway": "extra", "sessionKey": "s", "message": "Hi", "idempotencyKey": "r",
            ])
            _ = try await rig.gateway.nextRun()
            _ = try await browser.next(state: "accepted")
            async let removed = rig.http("DELETE", "/api/gateways/extra?runs=abort")
            #expect(try await browser.next(state: "aborted")["runId"] == "r")
            let ticking = ticking(rig)
            #expect(try await removed.json == ["ok": true])
            ticking.cancel()
            #expect(try await rig.http("GET", "/api/gateways/extra/status").status == 404)
            #expect(try await rig.http("DELETE", "/api/gateways/home?runs=never").status == 400)
        }
    }

    /// The agent goes on for longer than it is waited for.
    @Test func whatDoesNotEndInTimeIsStopped() async throws {
        try await Rig.run(Self.manual()) { rig in
            let browser = try await rig.browser()
            try await addExtra(rig, browser)
            browser.send([
                "type": "chat", "gateway": "extra", "sessionKey": "s", "message": "Hi", "idempotencyKey": "r",
            ])
            _ = try await rig.gateway.nextRun()
            _ = try await browser.next(state: "accepted")
            async let removed = rig.http("DELETE", "/api/gateways/extra")
            let ticking = ticking(rig)
            #expect(try await browser.turn("r").last["state"] == "aborted")
            #expect(try await removed.json == ["ok": true])
            ticking.cancel()
        }
    }

    // MARK: Taken out of the configuration

    /// A run of the rig's own gateway, which stands in no database.
    private func chat(_ rig: Rig, _ browser: Browser) async throws -> FakeRun {
        browser.chat("Hi")
        let run = try await rig.gateway.nextRun()
        _ = try await browser.next(state: "accepted")
        return run
    }

    @Test func aGatewayThatIsTakenOutLetsItsRunsEnd() async throws {
        try await Rig.run(Self.manual()) { rig in
            let browser = try await rig.browser()
            let run = try await chat(rig, browser)
            await rig.hub.retireGateway("home")
            browser.chat("And?", run: "q")
            let refused = try await browser.next(type: "error")
            #expect(refused["code"] == "gateway_unavailable")
            #expect(refused["message"]?.string?.contains("is being removed") == true)
            await run.final("Done")
            #expect(try await browser.turn("r").text == "Done")
            let ticking = ticking(rig)
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "stopped" }
            ticking.cancel()
            #expect(try await rig.http("GET", "/api/gateways/home/status").status == 404)
        }
    }

    @Test func aGatewayThatIsTakenOutStopsWhatTakesTooLong() async throws {
        try await Rig.run(Self.manual()) { rig in
            let browser = try await rig.browser()
            _ = try await chat(rig, browser)
            await rig.hub.retireGateway("home")
            let ticking = ticking(rig)
            // The clock runs so fast that the gateway may be gone before the end of the run is through the chain.
            var awaited: Set = ["aborted", "stopped"]
            while !awaited.isEmpty { awaited.remove(try await browser.next()["state"]?.string ?? "") }
            ticking.cancel()
        }
    }

    @Test func aGatewayCanStopItsRunsWhenItIsTakenOut() async throws {
        try await Rig.run(Self.manual()) { rig in
            let browser = try await rig.browser()
            _ = try await chat(rig, browser)
            var configuration = try #require(await rig.manager.configuration(of: "home"))
            configuration.abortsWhenRemoved = true
            await rig.hub.useGateway(configuration)
            await rig.hub.retireGateway("home")
            // The clock stands still: it is not waited for.
            #expect(try await browser.turn("r").last["state"] == "aborted")
        }
    }

    @Test func aGatewayThatComesBackInTimeStays() async throws {
        try await Rig.run(Self.manual()) { rig in
            let browser = try await rig.browser()
            let run = try await chat(rig, browser)
            let configuration = try #require(await rig.manager.configuration(of: "home"))
            await rig.hub.retireGateway("home")
            await rig.time.waitForSleeper(of: .milliseconds(50))
            await rig.hub.useGateway(configuration)
            rig.time.advance(by: .seconds(70))
            await run.final("Done")
            #expect(try await browser.turn("r").text == "Done")
            browser.chat("And?", run: "q")
            await (try await rig.gateway.nextRun()).final("So")
            #expect(try await browser.turn("q").text == "So")
        }
    }

    @Test func removalLetsRunsEnd() async throws {
        try await Rig.run(Self.manual()) { rig in
            let browser = try await rig.browser()
            try await addExtra(rig, browser)
            browser.send([
                "type": "chat", "gateway": "extra", "sessionKey": "s", "message": "Hi", "idempotencyKey": "r",
            ])
            let run = try await rig.gateway.nextRun()
            _ = try await browser.next(state: "accepted")
            async let removed = rig.http("DELETE", "/api/gateways/extra")
            await rig.time.waitForSleepers()
            await run.final("Done")
            #expect(try await browser.next(state: "final")["runId"] == "r")
            let ticking = ticking(rig)
            #expect(try await removed.json == ["ok": true])
            ticking.cancel()
            #expect(try await rig.http("GET", "/api/gateways/extra/status").status == 404)
        }
    }
}
