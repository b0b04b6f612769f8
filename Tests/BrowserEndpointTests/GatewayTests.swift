import JSON
import OpenClaw
import OpenClawTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct GatewayTests {
    @Test func aGatewayThatIsAwayIsToldAtOnce() async throws {
        var options = Rig.Options()
        options.gatewaysListen = false
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let error = try await browser.next(type: "error")
            #expect(error["code"] == "gateway_unavailable")
            #expect(error["id"] == "c")
            #expect(error["retryAfterMs"]?.int != nil)
            #expect(error["sessionKey"] == "s")
            #expect(try await browser.history().isEmpty)
        }
    }

    @Test func aRefusalComesInTheGatewaysWords() async throws {
        var options = Rig.Options()
        options.gateway.faults = [
            .refuse(method: "chat.send", GatewayRefusal(code: "UNAVAILABLE", message: "the kitchen is closed"))
        ]
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let turn = try await browser.turn("r")
            #expect(turn.states == ["accepted", "error"])
            #expect(turn.last["error"]?["code"] == "gateway_refused")
            #expect(turn.last["error"]?["message"]?.string?.contains("the kitchen is closed") == true)
            #expect(try await browser.pending().isEmpty)
        }
    }

    @Test func browsersHearOfChanges() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            await rig.gateway.interrupt(.cut)
            let lost = try await browser.next { $0["type"] == "gateway" && $0["connected"] == false }
            #expect(lost["gateway"] == "home")
            #expect(lost["state"] == "backing-off")
            #expect(lost["reason"]?.string?.isEmpty == false)
            await rig.manager.connectNow(id: "home")
            let back = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
            #expect(back["state"] == "ready")
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Back")
            #expect(try await browser.turn("r").text == "Back")
        }
    }

    @Test func listsComeFromTheGateway() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.send(["type": "agents", "id": 1])
            let agents = try await browser.result()
            #expect(agents["agents"]?[0]?["id"] == "main")
            #expect(agents["defaultId"] == "main")
            browser.send(["type": "models", "id": 2])
            let models = try await browser.result()
            #expect(models["models"]?[0]?["id"]?.string?.contains("echo-1") == true)
            browser.send(["type": "gateways", "id": 3])
            let gateways = try await browser.result()["gateways"]
            #expect(gateways?[0]?["id"] == "home")
            #expect(gateways?[0]?["connected"] == true)
        }
    }
}
