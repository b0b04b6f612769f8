import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import WebSocketTransport

@Suite(.timeLimit(.minutes(1)))
struct WebSocketClientTests {
    @Test func requestReachesTheServer() async throws {
        let heads = Loopback.group.next().makePromise(of: HTTPRequestHead.self)
        try await Loopback.withServer(accept: { head in
            heads.succeed(head)
            return .echo
        }) { server in
            let socket = try await Loopback.connect(server.url + "gateway?token=x", headers: [("X-Test", "yes")]) {
                RecordingDelegate()
            }.get()
            let head = try await heads.futureResult.get()
            #expect(head.uri == "/gateway?token=x")
            #expect(head.headers["X-Test"] == ["yes"])
            #expect(head.headers["Host"] == ["127.0.0.1:\(server.localPort)"])
            #expect(!head.headers.contains(name: "Origin"))
            #expect(socket.remoteAddress == "127.0.0.1")
        }
    }

    @Test func refusalTellsTheStatus() async throws {
        let refusal = RequestRefusal(status: .forbidden, body: "{}")
        try await Loopback.withServer(accept: { _ in .refuse(refusal) }) { server in
            #expect(await Loopback.connectError(server.url) == .httpStatus(403, reason: "Forbidden"))
        }
    }

    @Test func refusedConnection() async throws {
        // Nobody listens on port 1, and no test can be given it.
        #expect(await Loopback.connectError("ws://127.0.0.1:1") == .refused(host: "127.0.0.1", port: 1))
    }

    @Test func invalidURLAndHeader() async throws {
        #expect(await Loopback.connectError("ws://") == .invalidURL("it names no host"))
        await #expect(throws: WebSocketConnectError.invalidHeader(name: "X")) {
            try await Loopback.connect("ws://127.0.0.1:1", headers: [("X", "a\r\nY: b")]) { RecordingDelegate() }.get()
        }
    }

    @Test func silentServerTimesOut() async throws {
        let listener = try await ServerBootstrap(group: Loopback.group).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        var options = WebSocketOptions()
        options.handshakeTimeout = .milliseconds(50)
        #expect(await Loopback.connectError("ws://127.0.0.1:\(port)", options: options) == .timedOut)
        try await listener.close().get()
    }

    @Test func serverWithoutTLSIsATLSError() async throws {
        try await Loopback.withServer(accept: { _ in .echo }) { server in
            let error = await Loopback.connectError("wss://127.0.0.1:\(server.localPort)")
            #expect(error == .tls("the other side does not speak TLS: use ws://"))
        }
    }
}
