import JSON
import OpenClawTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
struct FakeGatewayTests {
    @Test(arguments: [nil, 1500])
    func stoppingTellsTheClients(restartExpectedMs: Int?) async throws {
        let gateway = FakeGateway()
        try await gateway.start()
        let client = try await TestClient.connect(to: gateway)
        _ = try await client.nonce()
        await gateway.stop(restartExpectedMs: restartExpectedMs)
        #expect(try await client.closure() == .closed(code: 1012, reason: "service restart"))
        #expect(await gateway.port == 0)
        #expect(await gateway.url == "")
    }

    @Test func shutdownComesBeforeTheClose() async throws {
        try await withClient { gateway, client in
            _ = try await client.event("health")
            await gateway.stop()
            guard case .frame(let frame) = try await client.next() else {
                Issue.record("no shutdown event")
                return
            }
            #expect(frame["payload"] == ["reason": "gateway stopping", "restartExpectedMs": nil])
            #expect(try await client.next() == .closed(code: 1012, reason: "service restart"))
        }
    }

    @Test func aRestartKeepsTranscriptsAndForgetsRuns() async throws {
        try await withClient(.test { $0.reply = ManualReply() }) { gateway, client in
            let port = await gateway.port
            _ = try await client.request("chat.send", chat("hi"))
            let run = try await gateway.nextRun()
            await gateway.stop(restartExpectedMs: 100)
            do {
                try await gateway.start(port: port)
                #expect(await gateway.port == port)
            } catch {
                // Somebody else on this machine got the port meanwhile.
                try await gateway.start()
            }
            await run.delta("nobody listens")

            let again = try await TestClient.connect(to: gateway)
            try await again.handshake()
            let history = try await again.request("chat.history", ["sessionKey": "agent:main:test"], id: "r2")
            #expect(history["payload"]?["messages"]?.array?.count == 1)
            #expect(try await again.request("chat.send", chat("hi"), id: "r3")["payload"]?["status"] == "started")
        }
    }

    @Test func unknownMethodsAndBadFramesAreRefused() async throws {
        try await withClient { _, client in
            let unknown = try await client.request("cron.add", id: "r2")
            #expect(unknown["error"]?["code"] == "INVALID_REQUEST")
            #expect(unknown["error"]?["message"] == "unknown method: cron.add")
            try await client.send(#"{"type":"req","id":"r3","method":"health","extra":1}"#)
            let extra = try await client.response("r3")
            #expect(extra["error"]?["message"] == "invalid request frame: at root: unexpected property 'extra'")
            try await client.send("{")
            #expect(try await client.response("invalid")["ok"] == false)
        }
    }

    @Test func listsHaveTheirShape() async throws {
        try await withClient(.test { $0.agents = [.init(id: "home", name: "Home"), .init(id: "work")] }) { _, client in
            let agents = try await client.request("agents.list", [:], id: "r2")["payload"]
            #expect(agents?["defaultId"] == "home")
            #expect(agents?["agents"]?[0]?["identity"]?["name"] == "Home")
            #expect(agents?["agents"]?[1] == ["id": "work"])
            let models = try await client.request("models.list", ["view": "all"], id: "r3")["payload"]?["models"]
            #expect(models?[0]?["provider"] == "fake")
            for key in ["one", "two"] {
                _ = try await client.request("chat.send", chat("hi", key: key, id: key), id: key)
                _ = try await client.wholeRun()
            }
            let sessions = try await client.request("sessions.list", ["limit": 1], id: "r4")["payload"]
            #expect(sessions?["count"] == 1)
            #expect(sessions?["sessions"]?[0]?["key"] == "agent:home:two")
            #expect(try await client.request("status", id: "r5")["payload"]?["sessions"]?["count"] == 2)
        }
    }

    @Test func protocolThreeRefusesAView() async throws {
        try await withClient(.test { $0.protocolVersion = .v3 }) { _, client in
            let response = try await client.request("models.list", ["view": "all"], id: "r2")
            #expect(response["error"]?["message"] == "invalid models.list params: at root: unexpected property 'view'")
            #expect(try await client.request("models.list", [:], id: "r3")["ok"] == true)
        }
    }
}
