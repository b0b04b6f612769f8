package import NIOCore
package import NIOHTTP1
import NIOWebSocket

/// What to do with a request for a WebSocket.
package enum UpgradeDecision: Sendable {
    /// Open it. `makeDelegate` is called on the channel's event loop when the 101 answer is on its way.
    case accept(headers: HTTPHeaders = [:], makeDelegate: @Sendable () -> any WebSocketDelegate)
    /// Answer with an HTTP error, such as 401, 403, 404 or 503, and close the connection.
    case refuse(RequestRefusal)
}

/// The HTTP answer to a request that is refused: for a WebSocket that is not to be opened, or not even looked into.
package struct RequestRefusal: Sendable, Error {
    package var status: HTTPResponseStatus
    package var headers: HTTPHeaders
    /// JSON text.
    package var body: String

    package init(status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: String) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// With a body as all errors have it. `code` and `message` are written as they are: they hold no quotation marks.
    init(status: HTTPResponseStatus, headers: HTTPHeaders = [:], code: String, message: String) {
        let body = #"{"error":{"code":"\#(code)","message":"\#(message)"},"detail":"\#(message)"}"#
        self.init(status: status, headers: headers, body: body)
    }

    static func badRequest(_ message: String) -> RequestRefusal {
        RequestRefusal(status: .badRequest, code: "bad_request", message: message)
    }

    /// The whole answer, after which the connection closes.
    var parts: [HTTPServerResponsePart] {
        var headers = headers
        headers.replaceOrAdd(name: "Content-Type", value: "application/json")
        headers.replaceOrAdd(name: "Content-Length", value: String(body.utf8.count))
        headers.replaceOrAdd(name: "Connection", value: "close")
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        return [.head(head), .body(.byteBuffer(ByteBuffer(string: body))), .end(nil)]
    }
}

/// What became of a new connection.
package enum UpgradeResult<NotUpgraded: Sendable>: Sendable {
    case upgraded(WebSocket)
    /// The first request is an ordinary one; it is handed to the handlers that `notUpgrading` added.
    case notUpgraded(NotUpgraded)
    /// The refusal was sent, and the connection closes.
    case refused
}

/// Adds HTTP/1 with WebSocket upgrade to a server's connection.
package enum WebSocketServerUpgrade {
    /// Call it on the channel's event loop, after TLS was added and before any HTTP handler.
    ///
    /// Only the first request of a connection can be an upgrade. Requests for a WebSocket are answered here, those that
    /// are refused too: NIO's upgrade handler has consumed the request head by then, so that a router could not answer
    /// any more.
    ///
    /// - Parameters:
    ///   - maxRequestBody: In bytes. A request that announces more is refused before it is read.
    ///   - shouldUpgrade: Called on the event loop for a request for a WebSocket whose handshake headers are right. A
    ///     failed future is answered with 500.
    ///   - notUpgrading: Adds the handlers that answer ordinary requests (`HTTPServerRequestPart`).
    /// - Returns: Fails when the connection ends before its first request is complete, or does not come in time.
    package static func configure<NotUpgraded: Sendable>(
        channel: any Channel,
        options: WebSocketOptions,
        maxRequestBody: Int = 64 << 10,
        shouldUpgrade: @escaping @Sendable (HTTPRequestHead, any Channel) -> EventLoopFuture<UpgradeDecision>,
        notUpgrading: @escaping @Sendable (any Channel) -> EventLoopFuture<NotUpgraded>
    ) throws -> EventLoopFuture<UpgradeResult<NotUpgraded>> {
        let upgrader = WebSocketServerUpgrader<NotUpgraded>(
            options: options,
            shouldUpgrade: shouldUpgrade,
            outcome: NIOLoopBoundBox(nil, eventLoop: channel.eventLoop)
        )
        let encoder = HTTPResponseEncoder()
        let handlers: [any RemovableChannelHandler] = [
            ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)),
            NIOHTTPResponseHeadersValidator(),
            RequestGate(maxBodyBytes: maxRequestBody),
            OtherUpgradesFilter(),
        ]
        let upgrade = NIOTypedHTTPServerUpgradeHandler(
            httpEncoder: encoder,
            extraHTTPHandlers: handlers,
            upgradeConfiguration: .init(upgraders: [upgrader]) { channel in
                if case .refuse(let refusal) = upgrader.outcome.value {
                    return send(refusal, on: channel).map { .refused }
                }
                return notUpgrading(channel).map { .notUpgraded($0) }
            }
        )
        try channel.pipeline.syncOperations.addHandler(encoder)
        for handler in handlers { try channel.pipeline.syncOperations.addHandler(handler) }
        try channel.pipeline.syncOperations.addHandler(upgrade)

        let timeout = channel.eventLoop.scheduleTask(in: options.handshakeTimeout) { channel.close(promise: nil) }
        upgrade.upgradeResultFuture.whenComplete { _ in timeout.cancel() }
        return upgrade.upgradeResultFuture
    }

    /// Writes the answer and closes the connection. Done when the answer is written.
    static func send(_ refusal: RequestRefusal, on channel: any Channel) -> EventLoopFuture<Void> {
        for part in refusal.parts.dropLast() { channel.write(part, promise: nil) }
        let written = channel.writeAndFlush(HTTPServerResponsePart.end(nil))
        written.whenComplete { _ in channel.close(promise: nil) }
        return written
    }
}
