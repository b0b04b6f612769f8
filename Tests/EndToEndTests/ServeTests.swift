import Foundation
import FoundationNetworking
import JSON
import NIOCore
import OpenClawTesting
import Testing

/// The main job, with the real binary: browser, chain, gateway and back, kept in SQLite.
@Suite struct ServeTests {
    private static func configuration(gateway: FakeGateway, pipeline: String = "") async -> String {
        let url = await gateway.url
        return """
            server: { port: 0 }
            gateways:
              - { id: home, name: Home, url: "\(url)" }
            \(pipeline)
            """
    }

    private static func gateway(_ version: FakeGateway.ProtocolVersion = .v4) async throws -> FakeGateway {
        var options = FakeGateway.Options()
        options.protocolVersion = version
        options.sleep = { _ in }
        let gateway = FakeGateway(options: options)
        try await gateway.start()
        return gateway
    }

    private static func ready(_ port: Int) async throws -> BrowserClient {
        let browser = try await BrowserClient.connect(port: port)
        let hello = try await browser.next(type: "hello")
        if hello["gateways"]?[0]?["connected"] != true {
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
        }
        return browser
    }

    @Test(arguments: [FakeGateway.ProtocolVersion.v3, .v4])
    func aChatStreamsIsStoredAndIsThereAfterAKill(version: FakeGateway.ProtocolVersion) async throws {
        let gateway = try await Self.gateway(version)
        let folder = try SluiceProcess.makeFolder()
        let configuration = await Self.configuration(gateway: gateway)

        let (first, port) = try await SluiceProcess.serve(in: folder, configuration: configuration)
        let browser = try await Self.ready(port)
        let turn = try await browser.chat("hello world", session: "agent:main:one", key: "run-1")
        #expect(turn.states.first == "accepted")
        #expect(turn.states.last == "final")
        #expect(turn.streamed == turn.finalText)
        #expect(turn.streamed.contains("hello world"))
        first.signal(SIGKILL)
        _ = await first.wait()

        let (second, again) = try await SluiceProcess.serve(in: folder, configuration: configuration)
        let later = try await BrowserClient.connect(port: again)
        later.send(["type": "history", "sessionKey": "agent:main:one", "id": 1])
        let messages = try await later.next(type: "result")["payload"]?["messages"]?.array ?? []
        #expect(messages.map { $0["role"]?.string } == ["user", "assistant"])
        #expect(messages.last?["content"]?[0]?["text"]?.string == turn.finalText)
        second.signal(SIGTERM)
        #expect(await second.wait() == 0)
        await gateway.stop()
    }

    /// Nothing that was counted is lost with the process: what was not written yet is found in the stored messages.
    @Test(.timeLimit(.minutes(1))) func figuresSurviveAKill() async throws {
        let gateway = try await Self.gateway()
        let folder = try SluiceProcess.makeFolder()
        let pipeline = """
            pipeline:
              - use: auth
                with: { mode: none }
              - use: persist
              - use: analytics
                with: { flush-interval: 60s }
            """
        let configuration = await Self.configuration(gateway: gateway, pipeline: pipeline)
        for round in 1...3 {
            let (server, port) = try await SluiceProcess.serve(in: folder, configuration: configuration)
            let browser = try await Self.ready(port)
            _ = try await browser.chat("hello", session: "agent:main:one", key: "run-\(round)")
            server.signal(SIGKILL)
            _ = await server.wait()
        }
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: configuration)
        // The messages are looked through while the server already answers.
        var messages: JSONValue?
        while messages != ["in": 3, "out": 3] {
            messages = try await json("http://127.0.0.1:\(port)/api/analytics/summary")["figures"]?["messages"]
        }
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
        await gateway.stop()
    }

    private func json(_ address: String) async throws -> JSONValue {
        let url = try #require(URL(string: address))
        let (data, _) = try await URLSession.shared.data(from: url)
        return try JSONValue(parsing: ByteBuffer(bytes: data))
    }

    @Test func theDemoGatewayAnswersAndNeverShowsWhatItThinks() async throws {
        let folder = try SluiceProcess.makeFolder()
        let (server, port) = try await SluiceProcess.serve(
            in: folder, configuration: "server: { port: 0 }\n", demo: true)
        let browser = try await Self.ready(port)
        let turn = try await browser.chat("please think", session: "agent:demo:one", key: "run-1")
        #expect(turn.streamed == turn.finalText)
        #expect(!turn.streamed.isEmpty)
        #expect(!turn.streamed.contains("THINK-SECRET"))
        #expect(!turn.streamed.contains("<think"))
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }

    @Test func keysGuardEverythingButTheHealthChecks() async throws {
        let gateway = try await Self.gateway()
        let folder = try SluiceProcess.makeFolder()
        let pipeline = """
            pipeline:
              - use: auth
                with: { mode: api-keys }
              - use: persist
            """
        let (server, port) = try await SluiceProcess.serve(
            in: folder, configuration: await Self.configuration(gateway: gateway, pipeline: pipeline))
        let (code, output, _) = try await SluiceProcess.run(["key", "create", "--user", "ada"], in: folder)
        #expect(code == 0)
        let key = output.trimmingCharacters(in: .whitespacesAndNewlines)

        let stranger = try await BrowserClient.connect(port: port)
        stranger.send(["type": "auth", "token": "sluice_nobody_nothing"])
        #expect(try await stranger.next(type: "error")["code"] == "unauthorized")
        let closed = try await stranger.next(type: "closed")
        #expect(closed["code"]?.int == 4401)

        let ada = try await BrowserClient.connect(port: port)
        ada.send(["type": "auth", "token": .string(key)])
        #expect(try await ada.next(type: "hello")["user"] == "ada")

        let base = "http://127.0.0.1:\(port)"
        #expect(try await status(of: base + "/healthz") == 200)
        #expect(try await status(of: base + "/") == 200)
        #expect(try await status(of: base + "/api/gateways") == 401)
        #expect(try await status(of: base + "/api/gateways", key: key) == 200)
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
        await gateway.stop()
    }

    private func status(of url: String, key: String? = nil) async throws -> Int {
        var request = URLRequest(url: try #require(URL(string: url)))
        if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
        let (_, response) = try await URLSession.shared.data(for: request)
        return (response as? HTTPURLResponse)?.statusCode ?? 0
    }

    @Test func findingsStopTheStart() async throws {
        let folder = try SluiceProcess.makeFolder()
        try Data("server: { prot: 1 }\npipeline:\n  - use: percist\n".utf8)
            .write(to: folder.appending(path: "config.yaml"))
        for arguments in [["check"], ["serve"]] {
            let (code, _, errors) = try await SluiceProcess.run(arguments, in: folder)
            #expect(code == 1)
            #expect(errors.contains("config.yaml:1:11: error:"))
            #expect(errors.contains("`persist`"))
        }
        let forPrograms = try await SluiceProcess.run(["check", "missing.yaml", "--format", "json"], in: folder)
        #expect(forPrograms.code == 2 && forPrograms.output.contains(#""good":false"#))
        let both = try await SluiceProcess.run(["check", "config.yaml", "--config", "missing.yaml"], in: folder)
        #expect(both.code == 64 && both.errors.contains("Name one file"))
        let (code, _, errors) = try await SluiceProcess.run(["check", "missing.yaml"], in: folder)
        #expect(code == 2)
        #expect(errors.contains("missing.yaml"))
    }

    @Test func aPortInUseIsSaidInPlainWords() async throws {
        let gateway = try await Self.gateway()
        let folder = try SluiceProcess.makeFolder()
        let port = try #require(URL(string: await gateway.url.replacing("ws://", with: "http://"))?.port)
        try Data("server: { port: \(port) }\n".utf8).write(to: folder.appending(path: "config.yaml"))
        let (code, _, errors) = try await SluiceProcess.run(["serve"], in: folder)
        #expect(code == 1)
        #expect(errors.contains("port \(port)"))
        #expect(errors.contains("in use"))
        await gateway.stop()
    }
}
