import Foundation
import JSON
import OpenClawTesting
import Testing

/// `kill -9` at bad moments, with the real binary: no message that was accepted is lost or doubled.
@Suite(.timeLimit(.minutes(1))) struct KillTests {
    private func configuration(_ url: String) -> String {
        """
        server: { port: 0 }
        gateways:
          - { id: home, name: Home, url: "\(url)" }
        """
    }

    private func manualGateway() async throws -> FakeGateway {
        var options = FakeGateway.Options()
        options.reply = ManualReply()
        let gateway = FakeGateway(options: options)
        try await gateway.start()
        return gateway
    }

    private func ready(_ port: Int) async throws -> BrowserClient {
        let browser = try await BrowserClient.connect(port: port)
        let hello = try await browser.next(type: "hello")
        if hello["gateways"]?[0]?["connected"] != true {
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
        }
        return browser
    }

    private func send(_ browser: BrowserClient, _ text: String, key: String) {
        browser.send([
            "type": "chat", "sessionKey": "agent:main:one", "message": .string(text), "idempotencyKey": .string(key),
        ])
    }

    private func history(_ browser: BrowserClient) async throws -> [String] {
        browser.send(["type": "history", "sessionKey": "agent:main:one", "id": 1])
        let messages = try await browser.next(type: "result")["payload"]?["messages"]?.array ?? []
        return messages.map { "\($0["role"]?.string ?? "") \($0["content"]?[0]?["text"]?.string ?? "")" }
    }

    /// The message is stored, and the gateway never got it: it is there after the start, and the same message again is sent.
    @Test func betweenStoringAndSending() async throws {
        let gateway = try await manualGateway()
        let url = await gateway.url
        let folder = try SluiceProcess.makeFolder()
        let (first, port) = try await SluiceProcess.serve(in: folder, configuration: configuration(url))
        let browser = try await ready(port)
        await gateway.setFaults([.refuseConnect(GatewayRefusal(code: "UNAVAILABLE", message: "too busy"))])
        await gateway.interrupt(.cut)
        _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == false }
        send(browser, "hello", key: "run-1")
        _ = try await browser.next { $0["type"] == "chat" && $0["state"] == "accepted" }
        first.signal(SIGKILL)
        _ = await first.wait()

        // However slow this machine is, the message is not given up before it is sent again.
        let closed = GatewayRefusal(code: "UNAVAILABLE", message: "too busy")
        await gateway.setFaults([.refuse(method: "chat.history", closed)])
        let (second, again) = try await SluiceProcess.serve(in: folder, configuration: configuration(url))
        let later = try await ready(again)
        #expect(try await history(later) == ["user hello"])
        async let turn = later.chat("hello", session: "agent:main:one", key: "run-1")
        await (try await gateway.nextRun()).final("Hi")
        #expect(try await turn.finalText == "Hi")
        #expect(try await history(later) == ["user hello", "assistant Hi"])
        #expect(await gateway.userMessages(in: "agent:main:one") == ["hello"])
        second.signal(SIGTERM)
        #expect(await second.wait() == 0)
        await gateway.stop()
    }

    /// The gateway goes on with the run, and its answer reaches the next process.
    @Test(arguments: [true, false]) func inTheMiddleOfARun(endsMeanwhile: Bool) async throws {
        let gateway = try await manualGateway()
        let url = await gateway.url
        let folder = try SluiceProcess.makeFolder()
        let (first, port) = try await SluiceProcess.serve(in: folder, configuration: configuration(url))
        let browser = try await ready(port)
        send(browser, "hello", key: "run-1")
        let run = try await gateway.nextRun()
        await run.delta("Hi")
        _ = try await browser.next { $0["type"] == "chat" && $0["state"] == "delta" }
        first.signal(SIGKILL)
        _ = await first.wait()

        if endsMeanwhile { await run.final("Hi there") }
        let (second, again) = try await SluiceProcess.serve(in: folder, configuration: configuration(url))
        let later = try await ready(again)
        later.send(["type": "subscribe", "sessionKey": "agent:main:one", "id": 1])
        _ = try await later.next(type: "result")
        if !endsMeanwhile { await run.final("Hi there") }
        let whole = ["user hello", "assistant Hi there"]
        let reader = try await ready(again)
        // It may have been found before the browser watched.
        if try await history(reader) != whole {
            _ = try await later.next { $0["type"] == "chat" && $0["state"] == "final" }
        }
        #expect(try await history(reader) == whole)
        #expect(await gateway.userMessages(in: "agent:main:one") == ["hello"])
        second.signal(SIGTERM)
        #expect(await second.wait() == 0)
        await gateway.stop()
    }
}
