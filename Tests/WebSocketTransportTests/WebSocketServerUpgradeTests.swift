import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOWebSocket
import Testing

@testable import WebSocketTransport

struct WebSocketServerUpgradeTests {
    /// A server's connection in memory; ordinary requests are answered with 200 and their path.
    final class Server {
        let channel = EmbeddedChannel()
        let result: EventLoopFuture<UpgradeResult<Void>>
        private var received = ByteBuffer()

        init(_ decision: @escaping @Sendable (HTTPRequestHead) throws -> UpgradeDecision) throws {
            try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 1)).wait()
            result = try WebSocketServerUpgrade.configure(
                channel: channel,
                options: WebSocketOptions(),
                shouldUpgrade: { head, channel in channel.eventLoop.makeCompletedFuture { try decision(head) } },
                notUpgrading: { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(PathAnswer())
                    }
                }
            )
        }

        /// Sends a request and gives back all that was answered so far.
        func answer(to request: String) throws -> String {
            String(buffer: try answer(to: ByteBuffer(string: request)))
        }

        func answer(to request: ByteBuffer) throws -> ByteBuffer {
            // The channel throws what nobody handled, a refusal too.
            _ = try? channel.writeInbound(request)
            channel.embeddedEventLoop.run()
            while let bytes = try channel.readOutbound(as: ByteBuffer.self) { received.writeImmutableBuffer(bytes) }
            return received
        }
    }

    final class PathAnswer: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .head(let head) = unwrapInboundIn(data) else { return }
            let body = ByteBuffer(string: "path " + head.uri)
            let length = String(body.readableBytes)
            let answer = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["Content-Length": length])
            context.write(wrapOutboundOut(.head(answer)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }

    /// The example of RFC 6455 section 1.3, with some lines changed.
    private func request(without dropped: String = "-", adding added: String = "") -> String {
        let lines = [
            "GET /chat HTTP/1.1", "Host: server.example.com", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Extensions: permessage-deflate",
        ]
        return (lines.filter { !$0.hasPrefix(dropped) } + (added.isEmpty ? [] : [added])).joined(separator: "\r\n")
            + "\r\n\r\n"
    }

    @Test func acceptedRequestIsAnsweredAsTheRFCSays() throws {
        let server = try Server { _ in .accept(headers: ["X-Test": "yes"]) { RecordingDelegate() } }
        let answer = try server.answer(to: request())
        #expect(answer.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
        #expect(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
        #expect(answer.contains("X-Test: yes\r\n"))
        #expect(!answer.contains("Extensions"))
        guard case .upgraded(let socket) = try server.result.wait() else { throw SentFrame.Malformed() }
        #expect(socket.localRole == .server)
    }

    @Test func frameBehindTheRequestIsNotLost() throws {
        let delegate = NIOLoopBoundBox(RecordingDelegate(), eventLoop: EmbeddedEventLoop())
        let server = try Server { _ in .accept { delegate.value } }
        var segment = ByteBuffer(string: request())
        segment.writeImmutableBuffer(.maskedFrame(opcode: .text, payload: ByteBuffer(string: "early")))
        try server.channel.writeInbound(segment)
        server.channel.embeddedEventLoop.run()
        #expect(delegate.value.texts == ["early"])
        #expect(delegate.value.bursts == 1)
    }

    @Test func refusalIsAnHTTPAnswer() throws {
        let body = #"{"error":{"code":"unauthorized","message":"no"}}"#
        let server = try Server { _ in
            .refuse(.init(status: .unauthorized, headers: ["WWW-Authenticate": "Bearer"], body: body))
        }
        let answer = try server.answer(to: request())
        #expect(answer.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
        #expect(answer.contains("WWW-Authenticate: Bearer\r\n"))
        #expect(answer.contains("Content-Type: application/json\r\n"))
        #expect(answer.contains("Content-Length: \(body.utf8.count)\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n" + body))
        guard case .refused = try server.result.wait() else { throw SentFrame.Malformed() }
        #expect(!server.channel.isActive)
    }

    @Test func failedDecisionIsAnInternalError() throws {
        struct Secret: Error {}
        let answer = try Server { _ in throw Secret() }.answer(to: request())
        #expect(answer.hasPrefix("HTTP/1.1 500 "))
        #expect(answer.contains(#""code":"internal""#))
        #expect(!answer.contains("Secret"))
    }

    @Test(arguments: [
        ("Sec-WebSocket-Key", "", 400), ("Sec-WebSocket-Key", "Sec-WebSocket-Key: short", 400),
        ("-", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", 400), ("Connection", "", 400),
        ("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8", 426), ("Sec-WebSocket-Version", "", 426),
    ])
    func brokenHandshakeIsRefused(without dropped: String, adding added: String, status: Int) throws {
        let server = try Server { _ in .accept { RecordingDelegate() } }
        let answer = try server.answer(to: request(without: dropped, adding: added))
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(answer.hasSuffix("\"}"))
        #expect(answer.contains("Sec-WebSocket-Version: 13") == (status == 426))
    }

    @Test func ordinaryRequestIsAnsweredByTheOtherHandlers() throws {
        let server = try Server { _ in .accept { RecordingDelegate() } }
        let answer = try server.answer(to: "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(answer.hasSuffix("path /a"))
        #expect(try server.answer(to: "GET /b HTTP/1.1\r\nHost: x\r\n\r\n").hasSuffix("path /b"))
        guard case .notUpgraded = try server.result.wait() else { throw SentFrame.Malformed() }
    }

    @Test func requestForAnotherProtocolIsAnOrdinaryOne() throws {
        let server = try Server { _ in .accept { RecordingDelegate() } }
        let request = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
        #expect(try server.answer(to: request).hasSuffix("path /a"))
    }

    @Test func connectionWithoutRequestIsClosedInTime() throws {
        let server = try Server { _ in .accept { RecordingDelegate() } }
        server.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(!server.channel.isActive)
        #expect(throws: ChannelError.self) { try server.result.wait() }
    }
}
