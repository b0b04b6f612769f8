import NIOCore
import NIOHTTP1
import NIOPosix

/// One HTTP request to a server on this machine. Commands need no more than that.
enum LocalHTTP {
    struct Answer: Sendable {
        let status: HTTPResponseStatus
        let body: ByteBuffer
    }

    private static let bodyLimit = 4 << 20

    static func send(
        _ method: HTTPMethod, _ path: String, host: String, port: Int, key: String? = nil, body: String = ""
    ) async throws -> Answer {
        let group = MultiThreadedEventLoopGroup.singleton
        let promise = group.next().makePromise(of: Answer.self)
        do {
            let channel = try await ClientBootstrap(group: group)
                .connectTimeout(.seconds(3))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(AnswerCollector(promise, limit: bodyLimit))
                    }
                }
                .connect(host: host, port: port).get()
            let timeout = channel.eventLoop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
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
