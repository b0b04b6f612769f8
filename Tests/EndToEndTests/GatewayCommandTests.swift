import Foundation
import FoundationNetworking
import JSON
import OpenClawTesting
import Testing

/// `sluice gateway …`, with the real binary.
@Suite struct GatewayCommandTests {
    private static func gateway(_ change: (inout FakeGateway.Options) -> Void = { _ in }) async throws -> FakeGateway {
        var options = FakeGateway.Options()
        change(&options)
        let gateway = FakeGateway(options: options)
        try await gateway.start()
        return gateway
    }

    private static func write(_ configuration: String, in folder: URL) throws {
        try Data(configuration.utf8).write(to: folder.appending(path: "config.yaml"))
    }

    @Test func testTellsEveryStep() async throws {
        let gateway = try await Self.gateway { $0.token = "t0ken" }
        let folder = try SluiceProcess.makeFolder()
        let url = await gateway.url
        try Self.write("gateways:\n  - { id: home, url: \"\(url)\", token: t0ken }\n", in: folder)
        let good = try await SluiceProcess.run(["gateway", "test"], in: folder)
        #expect(good.code == 0)
        for step in ["address", "connect", "WebSocket", "challenge", "handshake", "permissions", "agents", "models"] {
            #expect(good.output.contains("  ok    \(step) ("), "\(step)")
        }
        #expect(good.output.contains("protocol 4"))
        #expect(!good.output.contains("t0ken"))

        let withoutToken = try await SluiceProcess.run(
            ["gateway", "test", url.replacing("127.0.0.1", with: "localhost")], in: folder)
        #expect(withoutToken.code == 1)
        #expect(withoutToken.output.contains("FAIL  handshake"))
        #expect(withoutToken.output.contains("What to do: Set `token`"))

        let http = try await SluiceProcess.run(["gateway", "test", "http" + url.dropFirst(2)], in: folder)
        #expect(http.code == 1)
        #expect(http.output.contains("What to do: Write \(url) instead."))
        let secure = try await SluiceProcess.run(["gateway", "test", "wss" + url.dropFirst(2)], in: folder)
        #expect(secure.code == 1)
        #expect(secure.output.contains("the other side does not speak TLS: use ws://"))
        #expect(!secure.output.contains("OPENSSL") && !secure.output.contains(".c"))

        let unknown = try await SluiceProcess.run(["gateway", "test", "nope"], in: folder)
        #expect(unknown.code == 1)
        #expect(unknown.errors.contains("there is no gateway nope; known are: home"))

        let pin = try await SluiceProcess.run(["gateway", "test", url, "--pin", "abc"], in: folder)
        #expect(pin.code != 0 && pin.errors.contains("`pin` must be 64 hexadecimal digits"))
        await gateway.stop()
    }

    @Test func optionsOfTheCommandAreStored() async throws {
        let gateway = try await Self.gateway()
        let folder = try SluiceProcess.makeFolder()
        try Self.write("server: { port: 0 }\n", in: folder)
        let url = await gateway.url
        let added = try await SluiceProcess.run(
            ["gateway", "add", url, "--id", "home", "--options", #"{"commands":"block"}"#], in: folder)
        #expect(added.code == 0, "\(added.output) \(added.errors)")
        let pinned = try await SluiceProcess.run(
            [
                "gateway", "add", "wss://127.0.0.1:9", "--id", "pinned", "--force", "--server-name",
                "gateway.example.com",
                "--pin", String(repeating: "ab", count: 32),
            ], in: folder)
        // It cannot be reached, and was added all the same.
        #expect(pinned.code == 0)
        #expect(pinned.output.contains("Added pinned."), "\(pinned.output) \(pinned.errors)")
        let noFile = try await SluiceProcess.run(
            ["gateway", "test", "wss://127.0.0.1:9", "--ca", "nothing.pem"], in: folder)
        #expect(noFile.code == 1 && noFile.output.contains("nothing.pem cannot be read: there is no such file"))

        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: "server: { port: 0 }\n")
        try Self.write("server: { port: \(port) }\n", in: folder)
        let (data, _) = try await URLSession.shared.data(
            from: try #require(URL(string: "http://127.0.0.1:\(port)/api/gateways")))
        let list = try JSONValue(parsing: String(decoding: data, as: UTF8.self)).array ?? []
        #expect(list.first { $0["id"] == "home" }?["options"] == ["commands": "block"])
        #expect(list.first { $0["id"] == "pinned" }?["options"]?["tls"]?["server-name"] == "gateway.example.com")
        let removed = try await SluiceProcess.run(["gateway", "remove", "pinned", "--runs", "abort"], in: folder)
        #expect(removed.code == 0, "\(removed.output) \(removed.errors)")
        let unknown = try await SluiceProcess.run(["gateway", "remove", "nope"], in: folder)
        #expect(unknown.code == 1 && unknown.errors.contains("there is no gateway nope"), "\(unknown.errors)")
        #expect(!unknown.errors.contains("Waiting"))
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
        #expect(try await SluiceProcess.run(["gateway", "remove", "home"], in: folder).code == 0)
        let again = try await SluiceProcess.run(["gateway", "remove", "home"], in: folder)
        #expect(again.code == 1 && again.errors.contains("there is no gateway home that was added at run time"))
        await gateway.stop()
    }

    @Test func aFakeGatewayCanBeTested() async throws {
        let folder = try SluiceProcess.makeFolder()
        try Self.write("server: { port: 0 }\n", in: folder)
        let wrong = try await SluiceProcess.run(["gateway", "fake", "--fault", "no-idea"], in: folder)
        #expect(wrong.code != 0 && wrong.errors.contains("There is no fault “no-idea”. Known are: refuse-connect=CODE"))
        let (fake, url) = try await SluiceProcess.fakeGateway(
            in: folder, ["--fault", "hello-without=features", "--echo"])
        let test = try await SluiceProcess.run(["gateway", "test", url], in: folder)
        #expect(test.code == 0, "\(test.output) \(test.errors)")
        fake.signal(SIGTERM)
        #expect(await fake.wait() == 0)
    }

    /// A token that is wrong is told of even where the device token opens the door.
    @Test func aWrongTokenIsToldOfAllTheSame() async throws {
        let gateway = try await Self.gateway { $0.token = "t0ken" }
        let folder = try SluiceProcess.makeFolder()
        let url = await gateway.url
        try Self.write("gateways:\n  - { id: home, url: \"\(url)\", token: t0ken }\n", in: folder)
        let first = try await SluiceProcess.run(["gateway", "test"], in: folder)
        #expect(first.code == 0 && !first.output.contains("device token"), "\(first.output)")
        try Self.write("gateways:\n  - { id: home, url: \"\(url)\", token: wr0ng }\n", in: folder)
        let wrong = try await SluiceProcess.run(["gateway", "test"], in: folder)
        #expect(wrong.code == 0)
        #expect(wrong.output.contains("the gateway refused `token`, and let this server in by the device token"))
        #expect(wrong.output.contains("What to do: Set `token`"))
        #expect(!wrong.output.contains("wr0ng"))
        try Self.write("gateways:\n  - { id: home, url: \"\(url)\" }\n", in: folder)
        let none = try await SluiceProcess.run(["gateway", "test"], in: folder)
        #expect(none.code == 0 && none.output.contains("let in by the device token that it had issued"))
        await gateway.stop()
    }

    @Test func whatTheServerTellsWithoutAGoodKey() async throws {
        let gateway = try await Self.gateway()
        let folder = try SluiceProcess.makeFolder()
        let configuration = """
            server: { port: 0 }
            gateways:
              - { id: home, url: "\(await gateway.url)" }
            pipeline:
              - { use: auth, with: { mode: api-keys } }
              - { use: persist }
            """
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: configuration)
        try Self.write(configuration.replacing("port: 0", with: "port: \(port)"), in: folder)
        let without = try await SluiceProcess.run(["gateway", "list"], in: folder)
        #expect(without.code == 0 && !without.output.contains("()"))
        #expect(without.errors.contains("put one in SLUICE_KEY"))
        let key = ["SLUICE_KEY": "sluice_nope_nope"]
        let wrong = try await SluiceProcess.run(["gateway", "list"], in: folder, environment: key)
        #expect(wrong.code == 0 && !wrong.output.contains("()"))
        #expect(wrong.errors.contains("refused the key in SLUICE_KEY") && !wrong.errors.contains("put one"))
        let connect = try await SluiceProcess.run(["gateway", "connect", "home"], in: folder, environment: key)
        #expect(connect.code == 1 && connect.errors.contains("The key in SLUICE_KEY was refused"))
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
        await gateway.stop()
    }

    @Test func theDemoGatewayStandsInNoFile() async throws {
        let folder = try SluiceProcess.makeFolder()
        let (server, port) = try await SluiceProcess.serve(
            in: folder, configuration: "server: { port: 0 }\n", demo: true)
        try Self.write("server: { port: \(port) }\n", in: folder)
        let removed = try await SluiceProcess.run(["gateway", "remove", "demo"], in: folder)
        #expect(removed.code == 1 && removed.errors.contains("is the demo gateway"), "\(removed.errors)")
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }

    @Test func addWaitsForTheApproval() async throws {
        let gateway = try await Self.gateway { $0.requiresApproval = true }
        let folder = try SluiceProcess.makeFolder()
        try Self.write("server: { port: 0 }\n", in: folder)
        let url = await gateway.url
        async let added = SluiceProcess.run(
            ["gateway", "add", url, "--id", "home", "--name", "Home", "--poll", "1"], in: folder)
        // The second attempt shows that it waits.
        _ = try await gateway.nextRequest(method: "connect")
        _ = try await gateway.nextRequest(method: "connect")
        let request = try #require(await gateway.pairingRequests.first)
        await gateway.approve(request.id)
        let result = try await added
        #expect(result.code == 0, "\(result.output) \(result.errors)")
        #expect(result.output.contains("openclaw devices approve \(request.id)"))
        #expect(result.output.contains("Approved"))
        let again = try await SluiceProcess.run(["gateway", "add", url, "--id", "home"], in: folder)
        #expect(again.code == 1)
        #expect(again.errors.contains("there is a gateway home already"))
        let list = try await SluiceProcess.run(["gateway", "list"], in: folder)
        #expect(list.output.contains("home"))
        #expect(list.errors.contains("No server answers"))
        await gateway.stop()
    }

    @Test func theRunningServerTellsItsStatesAndTakesNewGateways() async throws {
        let gateway = try await Self.gateway { $0.token = "t0ken" }
        let other = try await Self.gateway()
        let folder = try SluiceProcess.makeFolder()
        let configuration = """
            server: { port: 0 }
            gateways:
              - { id: home, url: "\(await gateway.url)", token: wrong }
            """
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: configuration)
        try Self.write(configuration.replacing("port: 0", with: "port: \(port)"), in: folder)
        let browser = try await BrowserClient.connect(port: port)
        let url = await other.url
        let added = try await SluiceProcess.run(["gateway", "add", url, "--id", "other"], in: folder)
        #expect(added.code == 0, "\(added.output) \(added.errors)")
        #expect(added.output.contains("The running server connects to it."))
        _ = try await browser.next { $0["type"] == "gateway" && $0["gateway"] == "other" && $0["connected"] == true }
        let list = try await SluiceProcess.run(["gateway", "list"], in: folder)
        #expect(list.output.contains("ready (fake, protocol 4"))
        #expect(list.output.contains("refused"))
        #expect(list.output.contains("home: the token is not that of the gateway"))
        #expect(list.output.contains("What to do: Set `token`"))
        #expect(list.output.contains("attempt") && list.output.contains("since 20"))
        let refused = try await SluiceProcess.run(["gateway", "connect", "home"], in: folder)
        #expect(refused.code == 1)
        #expect(refused.output.contains("home is refused: the token is not that of the gateway"))
        await gateway.changeToken(to: "wrong")
        let connected = try await SluiceProcess.run(["gateway", "connect", "home"], in: folder)
        #expect(connected.code == 0, "\(connected.output) \(connected.errors)")
        #expect(connected.output.contains("home is ready"))
        let unknown = try await SluiceProcess.run(["gateway", "connect", "mars"], in: folder)
        #expect(unknown.errors.contains("Known are: home, other"))
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
        for gateway in [gateway, other] { await gateway.stop() }
    }

    /// The device token that a gateway issued is as good as its shared secret after a restart.
    @Test func deviceTokensAreKept() async throws {
        let gateway = try await Self.gateway { $0.token = "t0ken" }
        let folder = try SluiceProcess.makeFolder()
        let url = await gateway.url
        for secret in [", token: t0ken", ""] {
            let (server, port) = try await SluiceProcess.serve(
                in: folder,
                configuration: "server: { port: 0 }\ngateways:\n  - { id: home, url: \"\(url)\"\(secret) }\n")
            let browser = try await BrowserClient.connect(port: port)
            let hello = try await browser.next(type: "hello")
            if hello["gateways"]?[0]?["connected"] != true {
                let change = try await browser.next {
                    $0["type"] == "gateway" && ($0["connected"] == true || $0["state"] == "refused")
                }
                #expect(change["state"] == "ready", "\(change)")
            }
            server.signal(SIGTERM)
            #expect(await server.wait() == 0)
        }
        await gateway.stop()
    }
}
