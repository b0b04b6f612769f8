import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import WebSocketTransport

struct WebSocketClientUpgradeTests {
    /// A client's connection in memory that has sent its request.
    final class Client {
        let channel = EmbeddedChannel()
        let delegate = RecordingDelegate()
        let opened: EventLoopFuture<WebSocket>

        init() throws {
            try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 1)).wait()
            let delegate = NIOLoopBound(delegate, eventLoop: channel.eventLoop)
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/x", headers: ["Host": "example.com"])
            opened = try WebSocketClientUpgrade.add(to: channel, request: head) { channel in
                try WebSocketHandler.install(
                    on: channel,
                    role: .client,
                    options: WebSocketOptions(),
                    delegate: delegate.value
                )
            }
        }

        func request() throws -> ByteBuffer {
            var request = ByteBuffer()
            while let bytes = try channel.readOutbound(as: ByteBuffer.self) { request.writeImmutableBuffer(bytes) }
            return request
        }

        func error() -> WebSocketConnectError? {
            do {
                _ = try opened.wait()
                return nil
            } catch {
                return WebSocketConnectError(upgrading: error)
            }
        }
    }

    /// The answer of our own server to this request, and what it sends at once when it is open.
    private func serverAnswer(to request: ByteBuffer, greeting: String) throws -> ByteBuffer {
        let server = try WebSocketServerUpgradeTests.Server { _ in
            .accept {
                let delegate = RecordingDelegate()
                delegate.onOpen = { socket in
                    socket.send(text: ByteBuffer(string: greeting))
                    socket.flush()
                }
                return delegate
            }
        }
        return try server.answer(to: request)
    }

    @Test func requestIsThatOfTheRFC() throws {
        let lines = String(buffer: try Client().request()).split(separator: "\r\n", omittingEmptySubsequences: false)
        #expect(lines.first == "GET /x HTTP/1.1")
        #expect(lines.contains("Host: example.com"))
        #expect(lines.contains("Connection: upgrade"))
        #expect(lines.contains("Upgrade: websocket"))
        #expect(lines.contains("Sec-WebSocket-Version: 13"))
        #expect(lines.contains { $0.hasPrefix("Sec-WebSocket-Key: ") && $0.utf8.count == 43 })
        #expect(!lines.contains { $0.lowercased().hasPrefix("origin") || $0.hasPrefix("Transfer-Encoding") })
        #expect(lines.suffix(2) == ["", ""])
    }

    @Test func frameInTheSegmentOfTheAnswerIsNotLost() throws {
        let client = try Client()
        let answer = try serverAnswer(to: client.request(), greeting: "challenge")
        try client.channel.writeInbound(answer)
        client.channel.embeddedEventLoop.run()
        #expect(try client.opened.wait().localRole == .client)
        #expect(client.delegate.texts == ["challenge"])
        #expect(client.delegate.bursts >= 1)
    }

    @Test func whatTheDelegateSendsAtOnceGoesOut() throws {
        let client = try Client()
        client.delegate.onOpen = { socket in
            socket.send(text: ByteBuffer(string: "first"))
            socket.flush()
        }
        try client.channel.writeInbound(serverAnswer(to: client.request(), greeting: ""))
        client.channel.embeddedEventLoop.run()
        #expect(try SentFrame(client.request()).text == "first")
    }

    @Test func answerInPiecesOfOneByte() throws {
        let client = try Client()
        var answer = try serverAnswer(to: client.request(), greeting: "challenge")
        while let byte = answer.readSlice(length: 1) {
            try client.channel.writeInbound(byte)
            client.channel.embeddedEventLoop.run()
        }
        #expect(client.delegate.texts == ["challenge"])
    }

    @Test func statusOtherThan101() throws {
        let client = try Client()
        _ = try? client.channel.writeInbound(
            ByteBuffer(string: "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"))
        #expect(client.error() == .httpStatus(401, reason: "Unauthorized"))
        #expect(client.delegate.opened == 0)
    }

    @Test(arguments: [
        "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Upgrade: websocket\r\nConnection: upgrade",
        "Connection: upgrade",
    ])
    func answerThatProvesNothing(headers: String) throws {
        let client = try Client()
        _ = try? client.channel.writeInbound(
            ByteBuffer(string: "HTTP/1.1 101 Switching Protocols\r\n\(headers)\r\n\r\n"))
        #expect(client.error() == .invalidAnswer("it is HTTP, but opens no WebSocket"))
    }

    @Test func extensionThatWasNotOffered() throws {
        let client = try Client()
        let answer = try String(buffer: serverAnswer(to: client.request(), greeting: ""))
            .replacing("\r\n\r\n", with: "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", maxReplacements: 1)
        _ = try? client.channel.writeInbound(ByteBuffer(string: answer))
        #expect(client.error() == .invalidAnswer("it uses an extension that was not offered"))
    }

    @Test func answerThatIsNoHTTP() throws {
        let client = try Client()
        _ = try? client.channel.writeInbound(ByteBuffer(string: "SSH-2.0-OpenSSH_9.6\r\n"))
        #expect(client.error() == .invalidAnswer("it is no HTTP"))
    }

    @Test func connectionThatEndsBeforeTheAnswer() throws {
        let client = try Client()
        _ = try client.channel.finish()
        #expect(client.error() == .closedDuringHandshake)
    }
}
