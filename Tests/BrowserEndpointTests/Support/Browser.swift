import JSON
import NIOCore
import NIOHTTP1
import NIOPosix

@testable import WebSocketTransport

/// A browser as a test plays it: frames out, frames in.
final class Browser: Sendable {
    /// The socket has closed; `nil`: without a code.
    struct Closed: Error { let code: Int? }

    private let socket: WebSocket
    private let frames: AsyncStream<JSONValue>
    private let channel: any Channel

    private init(socket: WebSocket, channel: any Channel, frames: AsyncStream<JSONValue>) {
        self.socket = socket
        self.channel = channel
        self.frames = frames
    }

    /// - Parameter receiveBuffer: In bytes; a small one makes a browser that does not read felt soon.
    static func connect(
        port: Int, path: String = "/ws", headers: [(String, String)] = [], receiveBuffer: Int? = nil
    ) async throws -> Browser {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let (frames, continuation) = AsyncStream<JSONValue>.makeStream()
        var options = WebSocketOptions()
        options.maxMessageBytes = 64 << 20
        var bootstrap = ClientBootstrap(group: eventLoop)
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
        let host = headers.contains { $0.0 == "Host" } ? [] : [("Host", "127.0.0.1:\(port)")]
        let fields = HTTPHeaders(host + headers)
        let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: fields)
        let socket = try await channel.eventLoop.submit { [options] in
            try WebSocketClientUpgrade.add(to: channel, request: request) { channel in
                try WebSocketHandler.install(
                    on: channel, role: .client, options: options, delegate: Delegate(continuation: continuation))
            }
        }.flatMap { $0 }.get()
        return Browser(socket: socket, channel: channel, frames: frames)
    }

    // MARK: Out

    func send(_ frame: JSONValue) { send(text: frame.encoded()) }

    func send(text: String) {
        let socket = socket
        socket.eventLoop.execute {
            socket.send(text: ByteBuffer(string: text))
            socket.flush()
        }
    }

    /// A binary message of two bytes, masked with zeros (RFC 6455 section 5.2).
    func sendBinary() {
        channel.writeAndFlush(ByteBuffer(bytes: [0x82, 0x82, 0, 0, 0, 0, 0x68, 0x69]), promise: nil)
    }

    func close() {
        let socket = socket
        socket.eventLoop.execute { socket.close(code: 1000, reason: "") }
    }

    func pauseReading() async throws {
        let socket = socket
        try await socket.eventLoop.submit { socket.pauseReading() }.get()
    }

    func resumeReading() async throws {
        let socket = socket
        try await socket.eventLoop.submit { socket.resumeReading() }.get()
    }

    // MARK: In

    /// The next frame, whatever it is.
    ///
    /// - Throws: ``Closed`` when the socket closes instead.
    func next() async throws -> JSONValue {
        for await frame in frames {
            if frame["type"] == "closed" { throw Closed(code: frame["code"]?.int) }
            return frame
        }
        throw Closed(code: nil)
    }

    /// The next frame for which `condition` holds; those before it are passed over.
    func next(where condition: (JSONValue) -> Bool) async throws -> JSONValue {
        while true {
            let frame = try await next()
            if condition(frame) { return frame }
        }
    }

    func next(type: String) async throws -> JSONValue { try await next { $0["type"]?.string == type } }

    func next(state: String) async throws -> JSONValue {
        try await next { $0["type"] == "chat" && $0["state"]?.string == state }
    }

    /// The close code; frames before it are passed over.
    func closeCode() async throws -> Int? {
        do {
            while true { _ = try await next() }
        } catch let closed as Closed {
            return closed.code
        }
    }

    /// All frames that the server has sent by now: those before the answer to a ping.
    func pending() async throws -> [JSONValue] {
        send(["type": "ping", "id": "fence"])
        var frames: [JSONValue] = []
        while true {
            let frame = try await next()
            if frame["type"] == "pong" { return frames }
            frames.append(frame)
        }
    }

    private final class Delegate: WebSocketDelegate {
        let continuation: AsyncStream<JSONValue>.Continuation

        init(continuation: AsyncStream<JSONValue>.Continuation) { self.continuation = continuation }

        func webSocketDidOpen(_ socket: WebSocket) {}
        func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) {
            if case .text(let bytes) = message, let value = try? JSONValue(parsing: bytes) { continuation.yield(value) }
        }
        func webSocketDidReadBurst(_ socket: WebSocket) {}
        func webSocketDidBecomeWritable(_ socket: WebSocket) {}
        func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {
            continuation.yield(["type": "closed", "code": .integer(Int64(closure.code ?? 0))])
            continuation.finish()
        }
    }
}
