import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import WebSocketTransport

struct WebSocketHandlerOutgoingTests {
    private func setWritable(_ isWritable: Bool, _ socket: EmbeddedSocket) {
        socket.channel.isWritable = isWritable
        socket.channel.pipeline.fireChannelWritabilityChanged()
    }

    @Test func queueWaitsWhileTheChannelIsFull() throws {
        let server = try EmbeddedSocket()
        setWritable(false, server)
        #expect(!server.socket.isWritable)
        server.socket.send(text: ByteBuffer(string: "a"))
        server.socket.send(text: ByteBuffer(string: "b"))
        server.socket.flush()
        #expect(try server.sent() == nil)
        #expect(server.socket.queuedBytes == 6)

        setWritable(true, server)
        #expect(try server.sent()?.text == "a")
        #expect(try server.sent()?.text == "b")
        #expect(server.socket.isWritable)
        #expect(server.socket.queuedBytes == 0)
        #expect(server.delegate.becameWritable == 1)
    }

    @Test func writableIsOnlyToldAfterHavingBeenFull() throws {
        let server = try EmbeddedSocket()
        setWritable(true, server)
        #expect(server.delegate.becameWritable == 0)
    }

    @Test func queuedBytesCountWhatTheChannelHolds() throws {
        let server = try EmbeddedSocket()
        server.socket.send(text: ByteBuffer(string: "abc"))
        #expect(server.socket.queuedBytes == 5)
    }

    @Test func muchThatIsNotFlushedIsFlushed() throws {
        var options = WebSocketOptions()
        options.highWatermark = 100
        let server = try EmbeddedSocket(options: options)
        server.socket.send(text: ByteBuffer(repeating: 0x61, count: 60))
        #expect(try server.sent() == nil)
        server.socket.send(text: ByteBuffer(repeating: 0x61, count: 60))
        #expect(try server.sent() != nil)
    }

    @Test func slowConsumerIsClosedAndItsQueueDropped() throws {
        var options = WebSocketOptions()
        options.maxQueuedBytes = 1000
        let server = try EmbeddedSocket(options: options)
        setWritable(false, server)
        for _ in 0..<20 { server.socket.send(text: ByteBuffer(repeating: 0x61, count: 98)) }
        #expect(try server.sent()?.closeCode == 4008)
        #expect(try server.sent() == nil)
        #expect(server.socket.queuedBytes == 0)
        server.advance(by: options.closeTimeout)
        let closure = try #require(server.delegate.closures.first)
        #expect(closure.code == 4008)
        #expect(closure.socketError == .slowConsumer(queuedBytes: 1200))
    }

    /// A page of history can be larger than the bound, for a reader that is slow and honest.
    @Test func aFrameAboveTheBoundIsNoReasonToClose() throws {
        var options = WebSocketOptions()
        options.maxQueuedBytes = 1000
        let server = try EmbeddedSocket(options: options)
        server.socket.send(text: ByteBuffer(repeating: 0x61, count: 5000))
        setWritable(false, server)
        server.socket.send(text: ByteBuffer(repeating: 0x62, count: 5000))
        server.socket.send(text: ByteBuffer(string: "c"))
        server.socket.ping()
        setWritable(true, server)
        #expect(try server.sent()?.payload.readableBytes == 5000)
        #expect(try server.sent()?.payload.readableBytes == 5000)
        #expect(try server.sent()?.text == "c")
        #expect(server.delegate.closures.isEmpty)
    }

    @Test func pingsDoNotCount() throws {
        var options = WebSocketOptions()
        options.maxQueuedBytes = 100
        let server = try EmbeddedSocket(options: options)
        setWritable(false, server)
        for _ in 0..<100 { server.socket.ping() }
        setWritable(true, server)
        #expect(server.delegate.closures.isEmpty)
        for _ in 0..<100 { #expect(try server.sent()?.opcode == 9) }
    }

    @Test func closeFrameComesAfterTheQueue() throws {
        let server = try EmbeddedSocket()
        setWritable(false, server)
        server.socket.send(text: ByteBuffer(string: "a"))
        server.socket.close(code: 1000, reason: "")
        #expect(try server.sent() == nil)
        setWritable(true, server)
        #expect(try server.sent()?.text == "a")
        #expect(try server.sent()?.closeCode == 1000)
    }

    @Test func queueIsDroppedWhenThePeerCloses() throws {
        let server = try EmbeddedSocket()
        setWritable(false, server)
        server.socket.send(text: ByteBuffer(string: "a"))
        server.receive(.connectionClose, ByteBuffer(integer: UInt16(1000)))
        #expect(try server.sent()?.closeCode == 1000)
        #expect(server.delegate.closures.map(\.code) == [1000])
    }
}
