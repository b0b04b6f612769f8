import NIOCore
import NIOHTTP1
import NIOWebSocket

/// The HTTP half of a client: sends the upgrade request and makes a WebSocket of the channel after the 101 answer.
struct WebSocketClientUpgrade: NIOTypedHTTPClientProtocolUpgrader {
    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []
    let install: @Sendable (any Channel) throws -> WebSocket

    /// Makes and checks the headers of RFC 6455 section 4.1. Its own way to open a channel is not used: it would leave
    /// a frame encoder in the pipeline that writes header and payload apart.
    private let handshake = NIOTypedWebSocketClientUpgrader<WebSocket> { channel, _ in
        channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }

    /// - Parameter install: Adds the WebSocket's handlers once those of HTTP are gone.
    /// - Returns: The open WebSocket.
    static func add(
        to channel: any Channel,
        request: HTTPRequestHead,
        install: @escaping @Sendable (any Channel) throws -> WebSocket
    ) throws -> EventLoopFuture<WebSocket> {
        let handlers: [any RemovableChannelHandler] = [
            HTTPRequestEncoder(),
            // The server's first frames may come in the same segment as its answer.
            ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes)),
            NIOHTTPRequestHeadersValidator(),
            UpgradeAnswerCheck(),
        ]
        let upgrade = NIOTypedHTTPClientUpgradeHandler(
            httpHandlers: handlers,
            upgradeConfiguration: .init(
                upgradeRequestHead: request,
                upgraders: [WebSocketClientUpgrade(install: install)],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeFailedFuture(WebSocketConnectError.invalidAnswer("no upgrade"))
                }
            )
        )
        for handler in handlers { try channel.pipeline.syncOperations.addHandler(handler) }
        try channel.pipeline.syncOperations.addHandler(upgrade)
        // Not earlier: NIO's handler drops what is written before. Not later: what came with the
        // answer follows at once.
        return upgrade.upgradeResultFuture.map { socket in
            socket.begin()
            return socket
        }
    }

    func addCustom(upgradeRequestHeaders: inout HTTPHeaders) {
        handshake.addCustom(upgradeRequestHeaders: &upgradeRequestHeaders)
    }

    func shouldAllowUpgrade(upgradeResponse: HTTPResponseHead) -> Bool {
        handshake.shouldAllowUpgrade(upgradeResponse: upgradeResponse)
    }

    func upgrade(channel: any Channel, upgradeResponse: HTTPResponseHead) -> EventLoopFuture<WebSocket> {
        channel.eventLoop.makeCompletedFuture { try install(channel) }
    }
}

/// Turns an answer that is no upgrade into an error that says so; NIO's upgrade handler would not tell the status.
private final class UpgradeAnswerCheck: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart
    private var hasFailed = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasFailed else { return }
        if case .head(let head) = unwrapInboundIn(data), let error = Self.problem(head) {
            hasFailed = true
            context.fireErrorCaught(error)
        } else {
            context.fireChannelRead(data)
        }
    }

    private static func problem(_ head: HTTPResponseHead) -> WebSocketConnectError? {
        if head.status != .switchingProtocols {
            .httpStatus(Int(head.status.code), reason: head.status.reasonPhrase)
        } else if head.headers.contains(name: "Sec-WebSocket-Extensions") {
            .invalidAnswer("it uses an extension that was not offered")
        } else {
            nil
        }
    }
}
