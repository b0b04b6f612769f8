import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import WebSocketTransport

/// One HTTP request to a server on this machine. Commands need no more than that.
enum LocalHTTP {
    struct Answer: Sendable {
        let status: HTTPResponseStatus
        let body: ByteBuffer
    }

    struct Address: Sendable {
        let host: String
        let port: Int
        /// Nil: the server speaks no TLS.
        var tlsFiles: ServerTLS.Files?
    }

    private static let bodyLimit = 4 << 20

    static func send(
        _ method: HTTPMethod, _ path: String, to server: Address, key: String? = nil, body: String = "",
        atMost limit: TimeAmount = .seconds(10)
    ) async throws -> Answer {
        let group = MultiThreadedEventLoopGroup.singleton
        let (host, port) = (server.host, server.port)
        let tls = try server.tlsFiles.map { try PinnedTLS($0) }
        let promise = group.next().makePromise(of: Answer.self)
        do {
            let channel = try await ClientBootstrap(group: group)
                .connectTimeout(.seconds(3))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let tls { try channel.pipeline.syncOperations.addHandler(tls.makeHandler()) }
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(AnswerCollector(promise, limit: bodyLimit))
                    }
                }
                .connect(host: host, port: port).get()
            let timeout = channel.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
            var headers = HTTPHeaders([
                ("Host", host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"), ("Connection", "close"),
                ("Content-Length", "\(body.utf8.count)"), ("Content-Type", "application/json"),
            ])
            if let key { headers.add(name: "Authorization", value: "Bearer \(key)") }
            let head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
            channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            defer { timeout.cancel() }
            return try await promise.futureResult.get()
        } catch {
            // Failing what has its result already does nothing.
            promise.fail(error)
            throw error
        }
    }
}

/// The server must have the certificate that lies in the file: who signed it, and for which name, is not asked.
private struct PinnedTLS: Sendable {
    private let context: NIOSSLContext
    private let certificate: [UInt8]

    init(_ files: ServerTLS.Files) throws {
        certificate = try ServerTLS.read(files).certificate
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .noHostnameVerification
        context = try NIOSSLContext(configuration: configuration)
    }

    func makeHandler() throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(context: context, serverHostname: nil) { [certificate] found, promise in
            let isOurs = found.first.flatMap { try? $0.toDERBytes() } == certificate
            promise.succeed(isOurs ? .certificateVerified : .failed)
        }
    }
}

private final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    private let promise: EventLoopPromise<LocalHTTP.Answer>
    private let limit: Int
    private var status = HTTPResponseStatus.internalServerError
    private var body = ByteBuffer()

    init(_ promise: EventLoopPromise<LocalHTTP.Answer>, limit: Int) {
        self.promise = promise
        self.limit = limit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = head.status
        case .body(var bytes):
            body.writeBuffer(&bytes)
            if body.readableBytes > limit { context.close(promise: nil) }
        case .end:
            promise.succeed(LocalHTTP.Answer(status: status, body: body))
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(ChannelError.eof)
        context.fireChannelInactive()
    }
}
