import NIOCore
import NIOPosix
package import NIOSSL
import Synchronization

/// An HTTP server on loopback that answers as a test says, also badly.
package final class ScriptedServer: Sendable {
    /// What it does once it has a whole request.
    package enum Act: Sendable {
        case answer(status: Int = 200, headers: [(String, String)] = [], body: String = "")
        /// 200, and the connection stays open for another request.
        case keep
        /// Exactly these bytes, then it closes.
        case raw(String)
        /// Nothing, for as long as the client waits.
        case hang
        /// The head of an answer, then one byte of its body, then nothing.
        case drip
        /// The head of an answer and a body that never ends.
        case flood
        /// It closes without an answer.
        case close
    }

    package struct Request: Sendable {
        package let method: String
        package let target: String
        package let headers: [(name: String, value: String)]
        package let body: String

        package subscript(header name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    private let channel: any Channel
    private let log: Log

    /// - Parameter act: Called for each request, in the order of their arrival.
    package static func start(
        host: String = "127.0.0.1", port: Int = 0, tls: NIOSSLContext? = nil,
        _ act: @escaping @Sendable (Request) -> Act
    ) async throws -> ScriptedServer {
        let log = Log()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.addHandler(Conversation(log: log, act: act))
                }
            }
            .bind(host: host, port: port).get()
        return ScriptedServer(channel: channel, log: log)
    }

    private init(channel: any Channel, log: Log) {
        self.channel = channel
        self.log = log
    }

    package var port: Int { channel.localAddress?.port ?? 0 }
    /// What was asked so far.
    package var requests: [Request] { log.requests.withLock(\.self) }

    /// Connections that were made so far.
    package var connections: Int { log.connections.withLock(\.self) }
    /// Those of them that were closed, by whichever side.
    package var closedConnections: Int { log.closed.withLock(\.self) }

    package func stop() async { try? await channel.close() }
}

private final class Log: Sendable {
    let requests = Mutex<[ScriptedServer.Request]>([])
    let connections = Mutex(0)
    let closed = Mutex(0)
}

/// One connection: one request, one act, unless the act keeps it.
private final class Conversation: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let log: Log
    private let act: @Sendable (ScriptedServer.Request) -> ScriptedServer.Act
    private var received = ""
    private var isOver = false

    init(log: Log, act: @escaping @Sendable (ScriptedServer.Request) -> ScriptedServer.Act) {
        self.log = log
        self.act = act
    }

    func channelActive(context: ChannelHandlerContext) { log.connections.withLock { $0 += 1 } }

    func channelInactive(context: ChannelHandlerContext) { log.closed.withLock { $0 += 1 } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        guard !isOver, let request = ScriptedServer.Request(parsing: received) else { return }
        isOver = true
        log.requests.withLock { $0.append(request) }
        switch act(request) {
        case .answer(let status, let headers, let body):
            let fields = headers.map { "\($0): \($1)\r\n" }.joined()
            write("HTTP/1.1 \(status) X\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)", context)
            context.close(promise: nil)
        case .keep:
            (received, isOver) = ("", false)
            write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", context)
        case .raw(let text):
            write(text, context)
            context.close(promise: nil)
        case .hang: break
        case .drip: write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx", context)
        case .flood:
            write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", context)
            flood(context)
        case .close: context.close(promise: nil)
        }
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    /// One block after the other, until the client has closed.
    private func flood(_ context: ChannelHandlerContext) {
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenSuccess { self.flood(context) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(repeating: 0x61, count: 65_536)), promise: sent)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension ScriptedServer.Request {
    /// Nil while the request is not complete.
    fileprivate init?(parsing text: String) {
        guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
        var lines = text[..<end.lowerBound].split(separator: "\r\n")
        let words = lines.removeFirst().split(separator: " ")
        headers = lines.map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (String(parts[0]), parts.count == 2 ? String(parts[1].trimmingPrefix(" ")) : "")
        }
        method = String(words[0])
        target = String(words[1])
        body = String(text[end.upperBound...])
        let length = headers.first { $0.name.lowercased() == "content-length" }.flatMap { Int($0.value) } ?? 0
        guard body.utf8.count >= length else { return nil }
    }
}
