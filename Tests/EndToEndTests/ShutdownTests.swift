import Foundation
import FoundationNetworking
import JSON
import NIOCore
import NIOPosix
import OpenClawTesting
import Testing

/// How the process ends, and what it leaves to those who were there.
@Suite(.timeLimit(.minutes(1))) struct ShutdownTests {
    /// Starts a server with a run under way that ends when the test says so.
    private static func withRun(
        shutdown: String, pipeline: String = "", in folder: URL? = nil,
        _ body: (SluiceProcess, Int, BrowserClient, FakeRun) async throws -> Void
    ) async throws {
        var options = FakeGateway.Options()
        options.reply = ManualReply()
        let gateway = FakeGateway(options: options)
        try await gateway.start()
        let configuration = """
            server: { port: 0 }
            shutdown: { timeout: \(shutdown) }
            gateways: [ { id: home, url: "\(await gateway.url)" } ]
            \(pipeline)
            """
        let (server, port) = try await SluiceProcess.serve(
            in: try folder ?? SluiceProcess.makeFolder(), configuration: configuration)
        let browser = try await BrowserClient.connect(port: port)
        let hello = try await browser.next(type: "hello")
        if hello["gateways"]?[0]?["connected"] != true {
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
        }
        browser.send(["type": "chat", "sessionKey": "s", "message": "Hello", "idempotencyKey": "r"])
        let run = try await gateway.nextRun()
        await run.delta("Good")
        _ = try await browser.next { $0["state"] == "delta" }
        try await body(server, port, browser, run)
        await gateway.stop()
    }

    /// Asks until the answer is that the server stops: the signal takes a moment to be heard.
    private static func waitForDraining(_ port: Int) async throws {
        while try await !isDraining(port) {}
    }

    private static func isDraining(_ port: Int) async throws -> Bool {
        let url = try #require(URL(string: "http://127.0.0.1:\(port)/readyz"))
        let (data, _) = try await URLSession.shared.data(from: url)
        return try JSONValue(parsing: ByteBuffer(bytes: data))["status"] == "draining"
    }

    @Test func aServerWhoseOutputNobodyReadsServes() async throws {
        let folder = try SluiceProcess.makeFolder()
        // Nobody can read which port it chose.
        let probe = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(
            host: "127.0.0.1", port: 0
        )
        .get()
        let port = try #require(probe.localAddress?.port)
        try await probe.close()
        try Data("server: { port: \(port) }\n".utf8).write(to: folder.appending(path: "config.yaml"))
        let server = try SluiceProcess(
            folder: folder, arguments: ["serve", "--config", "config.yaml", "--demo"], isRead: false)
        let url = try #require(URL(string: "http://127.0.0.1:\(port)/healthz"))
        while (try? await URLSession.shared.data(from: url)) == nil {}
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }

    /// A stage that is being made holds up neither the signal nor the end.
    @Test func aServerEndsDuringAReload() async throws {
        let folder = try SluiceProcess.makeFolder()
        let good = "server: { port: 0 }\npipeline: []\n"
        let (server, _) = try await SluiceProcess.serve(in: folder, configuration: good)
        let silent = "[sh, -c, \"touch begun; cat >/dev/null\"]"
        try Data(
            (good.replacing("[]", with: "[ { use: process, with: { command: \(silent), start-timeout: 60s } } ]")).utf8
        ).write(to: folder.appending(path: "config.yaml"))
        server.signal(SIGHUP)
        while !FileManager.default.fileExists(atPath: folder.appending(path: "begun").path) { await Task.yield() }
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }

    /// Hears neither SIGTERM nor the end of its input, writes who it is into a file, and says hello when it is told to.
    private static let stubborn = """
        import os, signal, sys
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open("id.new", "w") as file: file.write(str(os.getpid()))
        os.rename("id.new", "id")
        if len(sys.argv) > 1: print('{"protocol":1,"handles":{}}', flush=True)
        while True: signal.pause()
        """

    private static func pipeline(_ argument: String) -> String {
        "pipeline: [ { use: process, with: { command: [python3, stubborn.py\(argument)], start-timeout: 60s } } ]\n"
    }

    private static func folderWithStubbornProgram() throws -> URL {
        let folder = try SluiceProcess.makeFolder()
        try Data(stubborn.utf8).write(to: folder.appending(path: "stubborn.py"))
        return folder
    }

    /// Waits until the program runs.
    private static func program(in folder: URL) async throws -> pid_t {
        let file = folder.appending(path: "id")
        while !FileManager.default.fileExists(atPath: file.path) { await Task.yield() }
        return try #require(pid_t(String(contentsOf: file, encoding: .utf8)))
    }

    /// One that was killed may be there for a moment still, until somebody has taken note of it.
    private static func isAlive(_ program: pid_t) -> Bool {
        let status = try? String(contentsOfFile: "/proc/\(program)/stat", encoding: .utf8)
        return status.map { !$0.contains(") Z ") } ?? false
    }

    @Test func noProgramOutlivesAStartThatIsBrokenOff() async throws {
        let folder = try Self.folderWithStubbornProgram()
        try Data(("server: { port: 0 }\n" + Self.pipeline("")).utf8).write(to: folder.appending(path: "config.yaml"))
        let server = try SluiceProcess(folder: folder, arguments: ["serve", "--config", "config.yaml"])
        let program = try await Self.program(in: folder)
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
        #expect(!Self.isAlive(program))
    }

    @Test func noProgramOutlivesAStartThatFails() async throws {
        let folder = try Self.folderWithStubbornProgram()
        let taken = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(taken.localAddress?.port)
        try Data(("server: { port: \(port) }\n" + Self.pipeline(", hello")).utf8)
            .write(to: folder.appending(path: "config.yaml"))
        let server = try SluiceProcess(folder: folder, arguments: ["serve", "--config", "config.yaml"])
        let program = try await Self.program(in: folder)
        #expect(await server.wait() == 1)
        #expect(!Self.isAlive(program))
        try await taken.close()
    }

    @Test func noProgramOutlivesAReloadThatIsBrokenOff() async throws {
        let folder = try Self.folderWithStubbornProgram()
        let (server, _) = try await SluiceProcess.serve(
            in: folder, configuration: "server: { port: 0 }\npipeline: []\n")
        try Data(("server: { port: 0 }\n" + Self.pipeline("")).utf8).write(to: folder.appending(path: "config.yaml"))
        server.signal(SIGHUP)
        let program = try await Self.program(in: folder)
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
        #expect(!Self.isAlive(program))
    }

    @Test func noProgramOutlivesASecondSignal() async throws {
        let folder = try Self.folderWithStubbornProgram()
        try await Self.withRun(shutdown: "3600s", pipeline: Self.pipeline(", hello"), in: folder) {
            server, port, _, _ in
            let program = try await Self.program(in: folder)
            server.signal(SIGTERM)
            try await Self.waitForDraining(port)
            repeat { server.signal(SIGTERM) } while (try? await Self.isDraining(port)) != nil
            #expect(await server.wait() == 143)
            #expect(!Self.isAlive(program))
        }
    }

    /// The connections over which the test asks how the server is doing stay open, as those of browsers do: they hold
    /// nothing up.
    @Test func aRunUnderWayEndsAndThenTheBrowsersAreSentAway() async throws {
        try await Self.withRun(shutdown: "600s") { server, port, browser, run in
            // Browsers open connections that they may need later.
            let silent = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: port).get()
            server.signal(SIGTERM)
            try await Self.waitForDraining(port)
            browser.send(["type": "chat", "sessionKey": "other", "message": "And?", "id": "next"])
            let refused = try await browser.next { $0["id"] == "next" }
            #expect(refused["code"] == "shutting_down")
            await run.final("Good bye")
            let end = try await browser.next { $0["state"] == "final" }
            #expect(end["runId"] == "r")
            #expect(end["message"]?["content"]?[0]?["text"] == "Good bye")
            let closed = try await browser.next(type: "closed")
            #expect(closed["code"] == 1001)
            try await silent.closeFuture.get()
            #expect(await server.wait() == 0)
        }
    }

    @Test func aRunThatDoesNotEndHoldsTheServerForSoLongOnly() async throws {
        try await Self.withRun(shutdown: "1s") { server, _, browser, _ in
            server.signal(SIGTERM)
            let closed = try await browser.next(type: "closed")
            #expect(closed["code"] == 1001)
            #expect(await server.wait() == 0)
        }
    }

    @Test(arguments: [(SIGTERM, 143), (SIGINT, 130)] as [(Int32, Int32)])
    func aSecondSignalEndsAtOnce(signal: Int32, code: Int32) async throws {
        try await Self.withRun(shutdown: "3600s") { server, port, _, _ in
            server.signal(signal)
            try await Self.waitForDraining(port)
            // Two that come at once are one wish: it is said again until it is heard as another one.
            repeat { server.signal(signal) } while (try? await Self.isDraining(port)) != nil
            #expect(await server.wait() == code)
        }
    }
}
