import Foundation
import JSON
import OpenClawTesting
import Testing

/// Messages that another gateway answers, with the real binary.
@Suite(.timeLimit(.minutes(1))) struct RouteTests {
    private static func gateway() async throws -> FakeGateway {
        var options = FakeGateway.Options()
        options.reply = ManualReply()
        let gateway = FakeGateway(options: options)
        try await gateway.start()
        return gateway
    }

    /// The server is killed while the other gateway answers: the next one finds the answer there.
    @Test func anAnswerFromElsewhereOutlivesAKill() async throws {
        let (home, spare) = (try await Self.gateway(), try await Self.gateway())
        let (homeURL, spareURL) = (await home.url, await spare.url)
        let configuration = """
            server: { port: 0 }
            gateways:
              - { id: home, url: "\(homeURL)" }
              - { id: spare, url: "\(spareURL)" }
            pipeline:
              - use: auth
                with: { mode: none }
              - use: route
                with: { to: [ { gateway: spare } ] }
              - use: persist
            """
        let folder = try SluiceProcess.makeFolder()
        let (first, port) = try await SluiceProcess.serve(in: folder, configuration: configuration)
        let before = try await BrowserClient.connect(port: port)
        while true {
            let frame = try await before.next { $0["type"] == "hello" || $0["type"] == "gateway" }
            if frame["gateway"] == "spare", frame["connected"] == true { break }
            if frame["gateways"]?[1]?["connected"] == true { break }
        }
        before.send([
            "type": "chat", "gateway": "home", "sessionKey": "agent:main:one", "message": "Hello",
            "idempotencyKey": "run-1",
        ])
        let run = try await spare.nextRun()
        #expect(run.prompt.sessionKey == "agent:main:routed:home:agent:main:one")
        await run.delta("It is ")
        _ = try await before.next { $0["state"] == "delta" }
        first.signal(SIGKILL)
        _ = await first.wait()
        await run.final("It is 4.")

        let (second, again) = try await SluiceProcess.serve(in: folder, configuration: configuration)
        let after = try await BrowserClient.connect(port: again)
        var texts: [String] = []
        while texts.count < 2 {
            after.send(["type": "history", "gateway": "home", "sessionKey": "agent:main:one", "id": 1])
            let messages = try await after.next(type: "result")["payload"]?["messages"]?.array ?? []
            texts = messages.map { $0["content"]?[0]?["text"]?.string ?? "" }
        }
        #expect(texts == ["Hello", "It is 4."])
        let asked = await home.requests.map(\.method)
        #expect(!asked.contains("chat.send"))
        second.signal(SIGTERM)
        #expect(await second.wait() == 0)
        await home.stop()
        await spare.stop()
    }
}
