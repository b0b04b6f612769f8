import JSON
import OpenClaw
import OpenClawTesting
import Stages
import Storage
import Testing

/// Agents, models and sessions, with the parameters of the gateway's own lists.
@Suite(.timeLimit(.minutes(1))) struct ListTests {
    @Test(arguments: FakeGateway.ProtocolVersion.allCases)
    func modelsOfAView(version: FakeGateway.ProtocolVersion) async throws {
        var options = Rig.Options()
        options.gateway.protocolVersion = version
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.send(["type": "models", "view": "all", "id": 1])
            #expect(try await browser.result()["models"]?[0]?["id"] == "fake/echo-1")
            let views = await rig.gateway.requests.filter { $0.method == "models.list" }.compactMap {
                $0.parameters["view"]?.string
            }
            #expect(views.last == "all")
            #expect(
                try await rig.http("GET", "/api/gateways/home/models?view=all").json["defaultModel"] == "fake/echo-1")
            #expect(try await rig.http("GET", "/api/gateways/home/agents").json["defaultId"] == "main")
            browser.send(["type": "models", "view": "some", "id": 2])
            #expect(
                try await browser.next(type: "error")["message"]?.string?.contains("default, configured, all") == true)
        }
    }

    /// Only what the gateway knows is passed on, and only what is the caller's comes back.
    @Test(arguments: FakeGateway.ProtocolVersion.allCases)
    func sessionsAsTheGatewayListsThem(version: FakeGateway.ProtocolVersion) async throws {
        var options = Rig.Options()
        options.auth = .apiKeys
        options.gateway.protocolVersion = version
        try await Rig.run(options) { rig in
            let key = try await rig.database.createKey(user: "ada", isAdministrator: false).text
            let admin = try await rig.database.createKey(user: "root", isAdministrator: true).text
            let browser = try await rig.browser(headers: [("Authorization", "Bearer \(key)")])
            browser.chat("Hello", in: "mine-1")
            await (try await rig.gateway.nextRun()).final("Hi")
            _ = try await browser.turn("r")
            await rig.gateway.setFaults([.loseEvents])
            await rig.gateway.addMessage("A secret", to: "telegram-1")
            browser.send([
                "type": "sessions", "source": "gateway", "archived": false, "limit": 50, "search": "-1", "id": 1,
            ])
            let rows = try await browser.result()["sessions"]?.array ?? []
            #expect(rows.map { $0["key"] } == ["agent:main:mine-1"])
            let asked = try #require(await rig.gateway.requests.last { $0.method == "sessions.list" })
            var expected: JSONObject = ["limit": 50, "search": "-1"]
            if version == .v4 { expected["archived"] = false }
            #expect(asked.parameters.object?.count == expected.count)
            for (name, value) in expected { #expect(asked.parameters[name] == value, "\(name)") }
            let path = "/api/gateways/home/sessions?source=gateway&search=telegram"
            let all = try await rig.http("GET", path, headers: [("Authorization", "Bearer \(admin)")])
            #expect(all.json.array?.map { $0["key"] } == ["agent:main:telegram-1"])
            #expect(try await rig.http("GET", path, headers: [("Authorization", "Bearer \(key)")]).json == [])
            browser.send(["type": "sessions", "search": "x", "id": 2])
            #expect(try await browser.next(type: "error")["code"] == "bad_request")
        }
    }
}
