import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
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
        let refusal = UpgradeRefusal(status: .forbidden, body: "{}")
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
            guard case .tls? = await Loopback.connectError("wss://127.0.0.1:\(server.localPort)") else {
                Issue.record("another error")
                return
            }
        }
    }

    @Test func echoOverTLS() async throws {
        let certificate = try NIOSSLCertificate(bytes: Array(TestCertificate.certificate.utf8), format: .pem)
        let key = try NIOSSLPrivateKey(bytes: Array(TestCertificate.key.utf8), format: .pem)
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(certificate)],
                privateKey: .privateKey(key)
            )
        )
        let listener = try await ServerBootstrap(group: Loopback.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    _ = try WebSocketServerUpgrade.configure(
                        channel: channel,
                        options: WebSocketOptions(),
                        shouldUpgrade: { _, channel in channel.eventLoop.makeSucceededFuture(.echo) },
                        notUpgrading: { $0.close() }
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)

        guard case .tls? = await Loopback.connectError("wss://127.0.0.1:\(port)") else {
            Issue.record("a certificate that nobody signed must not be trusted")
            return
        }

        let eventLoop = Loopback.group.next()
        let closed = eventLoop.makePromise(of: ([String], WebSocketClosure).self)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates([certificate])
        let trusting = tls
        _ = try await eventLoop.flatSubmit {
            let delegate = RecordingDelegate()
            delegate.onOpen = { socket in
                for text in ["one", "two"] { socket.send(text: ByteBuffer(string: text)) }
                socket.flush()
            }
            delegate.onMessage = { [unowned delegate] socket, _ in
                if delegate.messages.count == 2 { socket.close(code: 1000, reason: "done") }
            }
            delegate.onClose = { [unowned delegate] in closed.succeed((delegate.texts, $0)) }
            return WebSocketClient.connect(
                url: "wss://127.0.0.1:\(port)", tls: trusting, on: eventLoop, delegate: delegate)
        }.get()
        let (texts, closure) = try await closed.futureResult.get()
        #expect(texts == ["one", "two"])
        #expect(closure.code == 1000)
        try await listener.close().get()
    }
}
