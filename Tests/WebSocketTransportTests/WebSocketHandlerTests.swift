import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import WebSocketTransport

struct WebSocketHandlerTests {
    @Test func opensOnceAndKnowsThePeer() throws {
        let server = try EmbeddedSocket()
        #expect(server.delegate.opened == 1)
        #expect(server.socket.localRole == .server)
        #expect(server.socket.remoteAddress == "192.0.2.1")
    }

    @Test func severalMessagesInOneSegmentAreOneBurst() throws {
        let server = try EmbeddedSocket()
        var segment = server.peerFrame(.text, ByteBuffer(string: "a"))
        segment.writeImmutableBuffer(server.peerFrame(.binary, ByteBuffer(string: "bc")))
        server.receive(segment)
        #expect(server.delegate.texts == ["a", "binary 2"])
        #expect(server.delegate.bursts == 1)
    }

    @Test(arguments: [WebSocket.Role.server, .client]) func messageInPiecesOfOneByte(role: WebSocket.Role) throws {
        let socket = try EmbeddedSocket(role)
        var frame = socket.peerFrame(.text, ByteBuffer(string: "grüße"))
        while let byte = frame.readSlice(length: 1) { socket.receive(byte) }
        #expect(socket.delegate.texts == ["grüße"])
    }

    @Test func sendWaitsForFlush() throws {
        let server = try EmbeddedSocket()
        server.socket.send(text: ByteBuffer(string: "a"))
        server.socket.send(frame: EncodedFrame(text: ByteBuffer(string: "b")))
        #expect(try server.sent() == nil)
        server.socket.flush()
        #expect(try server.sent()?.text == "a")
        #expect(try server.sent()?.text == "b")
    }

    @Test func clientMasksWhatItSends() throws {
        let client = try EmbeddedSocket(.client)
        client.socket.send(text: ByteBuffer(string: "hello"))
        client.socket.flush()
        let frame = try #require(try client.sent())
        #expect(frame.isMasked)
        #expect(frame.text == "hello")
    }

    @Test func readBurstFlushesTheSocketItself() throws {
        let server = try EmbeddedSocket()
        server.delegate.onMessage = { socket, message in
            if case .text(let text) = message { socket.send(text: text) }
        }
        server.receive(.text, "echo")
        #expect(try server.sent()?.text == "echo")
    }

    @Test(arguments: [WebSocket.Role.server, .client]) func pingIsAnsweredWithItsPayload(role: WebSocket.Role) throws {
        let socket = try EmbeddedSocket(role)
        socket.receive(.ping, "now")
        let pong = try #require(try socket.sent())
        #expect(pong.opcode == 10)
        #expect(pong.text == "now")
        #expect(pong.isMasked == (role == .client))
    }

    @Test func lostConnectionIsReportedOnce() throws {
        let server = try EmbeddedSocket()
        _ = try server.channel.finish()
        #expect(server.delegate.closures.count == 1)
        #expect(server.delegate.closures.first?.socketError == .connectionLost)
        #expect(server.delegate.closures.first?.byPeer == true)
        server.socket.send(text: ByteBuffer(string: "late"))
        server.socket.flush()
        server.socket.close(code: 1000, reason: "")
        #expect(server.socket.queuedBytes == 0)
    }

    @Test func halfClosedConnectionIsClosed() throws {
        let server = try EmbeddedSocket()
        server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(server.delegate.closures.first?.socketError == .connectionLost)
    }

    @Test func errorOfTheChannelIsTheClosuresError() throws {
        struct Broken: Error {}
        let server = try EmbeddedSocket()
        server.channel.pipeline.fireErrorCaught(Broken())
        #expect(server.delegate.closures.first?.error is Broken)
    }

    @Test func delegateIsLetGoAfterClose() throws {
        let channel = EmbeddedChannel()
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 1)).wait()
        weak var delegate: RecordingDelegate?
        let socket = try {
            let made = RecordingDelegate()
            delegate = made
            return try WebSocketHandler.install(on: channel, role: .server, options: WebSocketOptions(), delegate: made)
        }()
        #expect(delegate != nil)
        _ = try channel.finish()
        #expect(delegate == nil)
        socket.flush()
    }

    @Test func pausedReadingTurnsAutoReadOff() throws {
        let server = try EmbeddedSocket()
        server.socket.pauseReading()
        #expect(server.autoRead == false)
        server.socket.resumeReading()
        #expect(server.autoRead == true)
    }
}
