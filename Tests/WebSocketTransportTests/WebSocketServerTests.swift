import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import WebSocketTransport

@Suite(.timeLimit(.minutes(1)))
struct WebSocketServerTests {
    @Test func echoOfMessagesOfAllSizes() async throws {
        let sizes = [0, 1, 125, 126, 65_535, 65_536, 1 << 20]
        try await Loopback.withServer(accept: { _ in .echo }) { server in
            let eventLoop = Loopback.group.next()
            let closed = eventLoop.makePromise(of: ([Int], WebSocketClosure).self)
            _ = try await Loopback.connect(server.url, on: eventLoop) {
                let delegate = RecordingDelegate()
                delegate.onOpen = { socket in
                    for size in sizes { socket.send(text: ByteBuffer(repeating: 0x61, count: size)) }
                    socket.flush()
                }
                delegate.onMessage = { [unowned delegate] socket, _ in
                    if delegate.messages.count == sizes.count { socket.close(code: 4000, reason: "done") }
                }
                delegate.onClose = { [unowned delegate] closure in
                    closed.succeed((delegate.texts.map(\.utf8.count), closure))
                }
                return delegate
            }.get()
            let (echoed, closure) = try await closed.futureResult.get()
            #expect(echoed == sizes)
            #expect(closure.code == 4000)
            #expect(closure.error == nil)
        }
    }

    @Test func bothSidesHearOfAClose() async throws {
        let eventLoop = Loopback.group.next()
        let serverClosure = eventLoop.makePromise(of: WebSocketClosure.self)
        let clientClosure = eventLoop.makePromise(of: WebSocketClosure.self)
        let decision = UpgradeDecision.accept {
            let delegate = RecordingDelegate()
            delegate.onOpen = { $0.close(code: 1001, reason: "restart") }
            delegate.onClose = { serverClosure.succeed($0) }
            return delegate
        }
        try await Loopback.withServer(accept: { _ in decision }) { server in
            _ = try await Loopback.connect(server.url, on: eventLoop) {
                let delegate = RecordingDelegate()
                delegate.onClose = { clientClosure.succeed($0) }
                return delegate
            }.get()
            let atServer = try await serverClosure.futureResult.get()
            let atClient = try await clientClosure.futureResult.get()
            #expect(atServer.code == 1001 && !atServer.byPeer && atServer.error == nil)
            #expect(atClient.code == 1001 && atClient.byPeer && atClient.error == nil)
            #expect(atClient.reason == "restart")
        }
    }

    /// The frame is refused before its payload was read; the reason must get through all the same.
    @Test func tooLargeMessageIsToldToThePeer() async throws {
        var options = WebSocketOptions()
        options.maxMessageBytes = 1000
        let eventLoop = Loopback.group.next()
        let closed = eventLoop.makePromise(of: WebSocketClosure.self)
        try await Loopback.withServer(options: options, accept: { _ in .echo }) { server in
            _ = try await Loopback.connect(server.url, on: eventLoop) {
                let delegate = RecordingDelegate()
                delegate.onOpen = { socket in
                    socket.send(text: ByteBuffer(repeating: 0x61, count: 4 << 20))
                    socket.flush()
                }
                delegate.onClose = { closed.succeed($0) }
                return delegate
            }.get()
            let closure = try await closed.futureResult.get()
            #expect(closure.code == 1009)
            #expect(closure.byPeer)
        }
    }

    /// The server sends far more than kernel buffers hold to a client that does not read.
    @Test func slowConsumerIsClosedWithBoundedMemory() async throws {
        let frameBytes = 64 << 10
        var options = WebSocketOptions()
        options.maxQueuedBytes = 256 << 10
        // It reads the close frame as late as a busy machine lets it.
        options.closeTimeout = .seconds(60)
        // What the channel holds, the next frame, what waits behind it, and the frame that was too much; each with its header.
        let bound = options.highWatermark + options.maxQueuedBytes + 3 * (frameBytes + 10)
        let eventLoop = Loopback.group.next()
        let most = eventLoop.makePromise(of: Int.self)
        let serverClosure = eventLoop.makePromise(of: WebSocketClosure.self)
        let clientClosure = eventLoop.makePromise(of: WebSocketClosure.self)
        let decision = UpgradeDecision.accept {
            let delegate = RecordingDelegate()
            delegate.onMessage = { socket, _ in
                let frame = EncodedFrame(text: ByteBuffer(repeating: 0x61, count: frameBytes))
                var highest = 0
                for _ in 0..<1024 {
                    socket.send(frame: frame)
                    socket.flush()
                    highest = max(highest, socket.queuedBytes)
                }
                most.succeed(highest)
            }
            delegate.onClose = { serverClosure.succeed($0) }
            return delegate
        }
        try await Loopback.withServer(options: options, accept: { _ in decision }) { server in
            let socket = try await Loopback.connect(server.url, on: eventLoop) {
                let delegate = RecordingDelegate()
                delegate.onOpen = { socket in
                    socket.pauseReading()
                    socket.send(text: ByteBuffer(string: "flood me"))
                    socket.flush()
                }
                delegate.onClose = { clientClosure.succeed($0) }
                return delegate
            }.get()
            let highest = try await most.futureResult.get()
            #expect(highest > options.maxQueuedBytes - frameBytes)
            #expect(highest <= bound)
            try await eventLoop.submit { socket.resumeReading() }.get()
            #expect(try await clientClosure.futureResult.get().code == 4008)
            let closure = try await serverClosure.futureResult.get()
            #expect(closure.code == 4008)
            #expect(!closure.byPeer)
        }
    }

    @Test func writableAgainWhenTheReaderCatchesUp() async throws {
        var options = WebSocketOptions()
        options.maxQueuedBytes = 64 << 20
        let serverOptions = options
        let eventLoop = Loopback.group.next()
        let filled = eventLoop.makePromise(of: Void.self)
        let caughtUp = eventLoop.makePromise(of: Int.self)
        let decision = UpgradeDecision.accept {
            let delegate = WritableDelegate()
            delegate.onWritable = { caughtUp.succeed($0.queuedBytes) }
            delegate.onMessage = { socket in
                let frame = EncodedFrame(text: ByteBuffer(repeating: 0x61, count: 64 << 10))
                while socket.isWritable {
                    socket.send(frame: frame)
                    socket.flush()
                }
                filled.succeed(())
            }
            return delegate
        }
        try await Loopback.withServer(options: serverOptions, accept: { _ in decision }) { server in
            let socket = try await Loopback.connect(server.url, on: eventLoop) {
                let delegate = RecordingDelegate()
                delegate.onOpen = { socket in
                    socket.pauseReading()
                    socket.send(text: ByteBuffer(string: "fill"))
                    socket.flush()
                }
                return delegate
            }.get()
            try await filled.futureResult.get()
            try await eventLoop.submit { socket.resumeReading() }.get()
            #expect(try await caughtUp.futureResult.get() < serverOptions.lowWatermark)
        }
    }

    @Test func ordinaryRequestIsAnsweredWith426() async throws {
        try await Loopback.withServer(accept: { _ in .echo }) { server in
            let answer = Loopback.group.next().makePromise(of: String.self)
            let channel = try await ClientBootstrap(group: Loopback.group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(CollectAll(answer))
                    }
                }
                .connect(host: "127.0.0.1", port: server.localPort).get()
            try await channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: x\r\n\r\n")).get()
            let text = try await answer.futureResult.get()
            #expect(text.hasPrefix("HTTP/1.1 426 Upgrade Required\r\n"))
        }
    }

    @Test func shutdownCutsConnections() async throws {
        let eventLoop = Loopback.group.next()
        let closed = eventLoop.makePromise(of: WebSocketClosure.self)
        let server = try await WebSocketServer.bind(on: Loopback.group) { _ in .echo }.get()
        _ = try await Loopback.connect(server.url, on: eventLoop) {
            let delegate = RecordingDelegate()
            delegate.onClose = { closed.succeed($0) }
            return delegate
        }.get()
        try await server.shutdown().get()
        #expect(try await closed.futureResult.get().socketError == .connectionLost)
    }
}

private final class WritableDelegate: WebSocketDelegate {
    var onMessage: (WebSocket) -> Void = { _ in }
    var onWritable: (WebSocket) -> Void = { _ in }

    func webSocketDidOpen(_ socket: WebSocket) {}
    func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) { onMessage(socket) }
    func webSocketDidReadBurst(_ socket: WebSocket) {}
    func webSocketDidBecomeWritable(_ socket: WebSocket) { onWritable(socket) }
    func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {}
}

/// All that comes until the peer closes.
private final class CollectAll: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let answer: EventLoopPromise<String>
    private var bytes = ByteBuffer()

    init(_ answer: EventLoopPromise<String>) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { bytes.writeImmutableBuffer(unwrapInboundIn(data)) }
    func channelInactive(context: ChannelHandlerContext) { answer.succeed(String(buffer: bytes)) }
}
