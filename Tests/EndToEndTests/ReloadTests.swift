import Foundation
import FoundationNetworking
import JSON
import OpenClawTesting
import Testing

/// A running server that gets another configuration.
@Suite struct ReloadTests {
    private static func gateway() async throws -> FakeGateway {
        var options = FakeGateway.Options()
        options.sleep = { _ in }
        let gateway = FakeGateway(options: options)
        try await gateway.start()
        return gateway
    }

    private static func ask(
        _ port: Int, _ path: String, method: String = "GET", key: String? = nil
    ) async throws -> (status: Int, json: JSONValue) {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
        request.httpMethod = method
        if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
        let (data, response) = try await URLSession.shared.data(for: request)
        let text = String(decoding: data, as: UTF8.self)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, try JSONValue(parsing: text))
    }

    private static func text(_ port: Int, _ path: String) async throws -> String {
        let url = try #require(URL(string: "http://127.0.0.1:\(port)\(path)"))
        return String(decoding: try await URLSession.shared.data(from: url).0, as: UTF8.self)
    }

    private static func write(_ text: String, in folder: URL) throws {
        try Data(text.utf8).write(to: folder.appending(path: "config.yaml"))
    }

    @Test func reloadsUnderLoadLoseNoFrame() async throws {
        let (one, two) = (try await Self.gateway(), try await Self.gateway())
        let folder = try SluiceProcess.makeFolder()
        func configuration(_ number: Int) async -> String {
            let second = number.isMultiple(of: 2) ? "  - { id: away, url: \"\(await two.url)\" }\n" : ""
            return """
                server: { port: 0 }
                gateways:
                  - { id: home, url: "\(await one.url)" }
                \(second)pipeline:
                  - { use: auth, with: { mode: none } }
                  - { use: rate-limit, with: { limits: [ { key: [user], requests: \(100_000 + number), per: 1s } ] } }
                  - use: thinking-strip
                  - use: persist
                """
        }
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: await configuration(1))
        let browser = try await BrowserClient.connect(port: port)
        let hello = try await browser.next(type: "hello")
        if hello["gateways"]?[0]?["connected"] != true {
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
        }
        // Before the first one there are none, which is not the same as nothing.
        #expect(try await Self.text(port, "/metrics").contains("sluice_gateway_reconnects_total{gateway=\"home\"} 0\n"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                for number in 0..<40 {
                    browser.send([
                        "type": "chat", "gateway": "home", "sessionKey": "agent:main:one",
                        "message": .string("hello \(number)"), "idempotencyKey": .string("run-\(number)"),
                    ])
                    var turn = Turn()
                    while !turn.isOver {
                        turn.take(try await browser.next { $0["type"] == "chat" || $0["type"] == "error" })
                    }
                    #expect(turn.error == nil)
                    #expect(turn.states.first == "accepted" && turn.states.last == "final")
                    #expect(turn.streamed == turn.finalText && turn.streamed.contains("hello \(number)"))
                }
            }
            for number in 2...60 {
                try Self.write(await configuration(number), in: folder)
                let answer = try await Self.ask(port, "/api/config/reload", method: "POST")
                #expect(["applied", "unchanged"].contains(answer.json["outcome"]?.string))
            }
            try await tasks.waitForAll()
        }
        // By now everything has its size. What a reload would leave behind shows after two hundred more.
        let before = try server.residentBytes
        for number in 61...260 {
            try Self.write(await configuration(number), in: folder)
            _ = try await Self.ask(port, "/api/config/reload", method: "POST")
        }
        let growth = try server.residentBytes - before
        #expect(growth < 16 << 20, "200 reloads took \(growth) bytes")
        let status = try await Self.ask(port, "/api/config").json
        #expect(status["generation"]?.int ?? 0 > 30)
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
        await one.stop()
        await two.stop()
    }

    @Test func aBadFileChangesNothingAndSaysWhy() async throws {
        let folder = try SluiceProcess.makeFolder()
        let good = "server: { port: 0 }\nlog: { level: error }\n"
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: good)
        let browser = try await BrowserClient.connect(port: port)
        _ = try await browser.next(type: "hello")

        try Self.write(good + "pipeline: [ { use: percist, with: { token: hunter2 } } ]\n", in: folder)
        let failed = try await Self.ask(port, "/api/config/reload", method: "POST")
        #expect(failed.status == 422 && failed.json["outcome"] == "failed" && failed.json["generation"] == 1)
        #expect(failed.json["findings"]?[0]?["hint"] == "did you mean `persist`?")
        #expect(!failed.json.encoded().contains("hunter2"))
        let figures = try await Self.text(port, "/metrics")
        #expect(figures.contains("sluice_config_generation 1\n"))
        #expect(figures.contains("sluice_config_last_reload_successful 0\n"))
        #expect(figures.contains("sluice_config_reload_failures_total 1\n"))
        let frame = try await browser.next(type: "configuration")
        #expect(frame["problem"]?.string?.contains("percist") == true)
        let status = try await Self.ask(port, "/api/config").json
        #expect(status["lastReload"]?["outcome"] == "failed")

        // One who comes later is told too.
        let later = try await BrowserClient.connect(port: port)
        _ = try await later.next(type: "configuration")

        // What it was before is no news, and all is well.
        try Self.write(good, in: folder)
        _ = try await browser.next { $0["type"] == "configuration" && $0["problem"]?.isNull == true }
        let healed = try await Self.ask(port, "/api/config").json["lastReload"]
        #expect(healed?["outcome"] == "unchanged")
        #expect(healed?["summary"]?.string?.hasPrefix("all is well again") == true)
        #expect(try await Self.text(port, "/metrics").contains("sluice_config_last_reload_successful 1\n"))

        try Self.write("server: { port: 1 }\nlog: { level: error }\npipeline: [ { use: persist } ]\n", in: folder)
        let dry = try await Self.ask(port, "/api/config/reload?dry-run=true", method: "POST").json
        #expect(dry["outcome"] == "possible")
        let effects = dry["changes"]?.array?.map { [$0["path"]?.string, $0["effect"]?.string] }
        #expect(
            effects == [
                ["server.port", "needs-restart"], ["pipeline", "applied"], ["pipeline.persist.use", "applied"],
            ])
        server.signal(SIGHUP)
        let mended = try await browser.next { $0["type"] == "configuration" && $0["generation"] == 2 }
        #expect(mended["problem"]?.isNull == true)
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }

    @Test func changedFilesAreFound() async throws {
        let folder = try SluiceProcess.makeFolder()
        try Data("pipeline: []\n".utf8).write(to: folder.appending(path: "part.yaml"))
        let configuration = "server: { port: 0 }\ninclude: [part.yaml]\n"
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: configuration)
        let browser = try await BrowserClient.connect(port: port)
        _ = try await browser.next(type: "hello")
        try Data("pipeline: [ { use: persist } ]\n".utf8).write(to: folder.appending(path: "part.yaml"))
        #expect(try await browser.next(type: "configuration")["generation"] == 2)
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }

    /// What comes in by the open port is what counts, not what the file says of the next start.
    @Test func aServerThatOthersReachGoesOnAskingForKeys() async throws {
        let folder = try SluiceProcess.makeFolder()
        let open = "server: { host: 0.0.0.0, port: 0 }\npipeline: [ { use: auth, with: { mode: api-keys } } ]\n"
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: open)
        let made = try await SluiceProcess.run(["key", "create", "--user", "root", "--admin"], in: folder)
        let key = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        for text in [
            "server: { host: 127.0.0.1, port: 0 }\npipeline: [ { use: auth, with: { mode: none } } ]\n",
            "server: { port: 0 }\npipeline: []\n", "",
        ] {
            try Self.write(text, in: folder)
            let answer = try await Self.ask(port, "/api/config/reload", method: "POST", key: key)
            #expect(answer.json["outcome"] == "failed" && answer.json["generation"] == 1)
            #expect(try await Self.ask(port, "/api/gateways").status == 401)
        }
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }

    /// Without its file the default chain would hold, which asks nobody.
    @Test func aGateIsNotLostWithItsFile() async throws {
        let folder = try SluiceProcess.makeFolder()
        let parts = folder.appending(path: "conf.d")
        try FileManager.default.createDirectory(at: parts, withIntermediateDirectories: false)
        let gate = parts.appending(path: "auth.yaml")
        try Data("pipeline: [ { use: auth, with: { mode: api-keys } } ]\n".utf8).write(to: gate)
        // A folder that loses all of its files is refused for that alone.
        try Data("shutdown: { timeout: 1s }\n".utf8).write(to: parts.appending(path: "other.yaml"))
        let (server, port) = try await SluiceProcess.serve(
            in: folder, configuration: "server: { port: 0 }\ninclude: [conf.d]\n")
        let made = try await SluiceProcess.run(["key", "create", "--user", "root", "--admin"], in: folder)
        let key = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        try FileManager.default.removeItem(at: gate)
        for path in ["/api/config/reload?dry-run=true", "/api/config/reload"] {
            let answer = try await Self.ask(port, path, method: "POST", key: key)
            #expect(answer.status == 422 && answer.json["outcome"] == "failed" && answer.json["generation"] == 1)
            #expect(answer.json["findings"]?[0]?["message"]?.string?.contains("conf.d/auth.yaml, line 1") == true)
            #expect(try await Self.ask(port, "/api/gateways").status == 401)
        }
        // What is written out is meant.
        try Data("pipeline: [ { use: auth, with: { mode: none } } ]\n".utf8).write(to: gate)
        let answer = try await Self.ask(port, "/api/config/reload", method: "POST", key: key)
        #expect(["applied", "unchanged"].contains(answer.json["outcome"]?.string))
        #expect(try await Self.ask(port, "/api/gateways").status == 200)
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }

    /// While one reload waits for a stage, a signal and two calls ask for another: one reads what they changed.
    @Test func whoAsksDuringAReloadGetsTheNextOne() async throws {
        let folder = try SluiceProcess.makeFolder()
        let (server, port) = try await SluiceProcess.serve(
            in: folder, configuration: "server: { port: 0 }\npipeline: []\n")
        // It says hello when it is let go, and says how often it was started.
        let script = """
            echo >> starts
            until [ -e go ]; do sleep 0.05; done
            echo '{\"protocol\":1,\"handles\":{}}'
            cat > /dev/null
            """
        try Data(script.utf8).write(to: folder.appending(path: "slow.sh"))
        let slow = "{ use: process, with: { command: [sh, slow.sh], start-timeout: 60s } }"
        try Self.write("server: { port: 0 }\npipeline: [ \(slow) ]\n", in: folder)
        async let first = Self.ask(port, "/api/config/reload", method: "POST")
        while !FileManager.default.fileExists(atPath: folder.appending(path: "starts").path) { await Task.yield() }
        try Self.write("server: { port: 0 }\npipeline: [ \(slow), { use: persist } ]\n", in: folder)
        async let second = Self.ask(port, "/api/config/reload", method: "POST")
        async let third = Self.ask(port, "/api/config/reload", method: "POST")
        server.signal(SIGHUP)
        try Data().write(to: folder.appending(path: "go"))
        #expect(try await first.json["outcome"] == "applied")
        let answers = try await [second, third].map { $0.json["generation"] }
        #expect(answers == [3, 3])
        #expect(try await Self.ask(port, "/api/pipeline").json.encoded().contains("persist"))
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }

    /// The file that is back is the one that is in use: nothing about it has changed, but that it can be read.
    @Test func aFileThatComesBackAsItWasEndsTheFailure() async throws {
        let folder = try SluiceProcess.makeFolder()
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: "server: { port: 0 }\n")
        let browser = try await BrowserClient.connect(port: port)
        _ = try await browser.next(type: "hello")
        let (here, away) = (folder.appending(path: "config.yaml"), folder.appending(path: "away.yaml"))
        try FileManager.default.moveItem(at: here, to: away)
        let failed = try await browser.next { $0["type"] == "configuration" && $0["problem"]?.isNull == false }
        #expect(failed["problem"]?.string?.contains("config.yaml") == true)
        try FileManager.default.moveItem(at: away, to: here)
        _ = try await browser.next { $0["type"] == "configuration" && $0["problem"]?.isNull == true }
        let healed = try await Self.ask(port, "/api/config").json["lastReload"]
        #expect(healed?["summary"]?.string?.hasPrefix("all is well again") == true)
        #expect(try await Self.text(port, "/metrics").contains("sluice_config_last_reload_successful 1\n"))
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }

    @Test func onlyAdministratorsMayReload() async throws {
        let folder = try SluiceProcess.makeFolder()
        let configuration = "server: { port: 0 }\npipeline: [ { use: auth, with: { mode: api-keys } } ]\n"
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: configuration)
        func key(_ arguments: [String]) async throws -> String {
            let made = try await SluiceProcess.run(["key", "create", "--user"] + arguments, in: folder)
            return made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let (user, root) = (try await key(["ada"]), try await key(["root", "--admin"]))
        for path in ["/api/config", "/api/config/reload"] {
            let method = path.hasSuffix("reload") ? "POST" : "GET"
            #expect(try await Self.ask(port, path, method: method).status == 401)
            #expect(try await Self.ask(port, path, method: method, key: user).status == 403)
            #expect(try await Self.ask(port, path, method: method, key: root).status == 200)
        }
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }
}
