import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Answers one connection's request for a WebSocket.
struct WebSocketServerUpgrader<NotUpgraded: Sendable>: NIOTypedHTTPServerProtocolUpgrader {
    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []
    let options: WebSocketOptions
    let shouldUpgrade: @Sendable (HTTPRequestHead, any Channel) -> EventLoopFuture<UpgradeDecision>
    /// What was decided; nil before there was a request for a WebSocket.
    let outcome: NIOLoopBoundBox<UpgradeDecision?>

    func buildUpgradeResponse(
        channel: any Channel,
        upgradeRequest: HTTPRequestHead,
        initialResponseHeaders: HTTPHeaders
    ) -> EventLoopFuture<HTTPHeaders> {
        if let refusal = Self.problem(upgradeRequest) { return refuse(refusal) }
        let decided = shouldUpgrade(upgradeRequest, channel).hop(to: channel.eventLoop)
            .flatMapErrorThrowing { _ in .refuse(.internalError) }
        return decided.flatMap { decision in
            switch decision {
            case .refuse(let refusal): return refuse(refusal)
            case .accept(let headers, _):
                outcome.value = decision
                return handshake(headers).buildUpgradeResponse(
                    channel: channel,
                    upgradeRequest: upgradeRequest,
                    initialResponseHeaders: initialResponseHeaders
                )
            }
        }
    }

    func upgrade(
        channel: any Channel,
        upgradeRequest: HTTPRequestHead
    ) -> EventLoopFuture<UpgradeResult<NotUpgraded>> {
        channel.eventLoop.makeCompletedFuture {
            guard case .accept(_, let makeDelegate) = outcome.value else {
                throw ChannelError.inappropriateOperationForState
            }
            outcome.value = nil
            let delegate = makeDelegate()
            let socket = try WebSocketHandler.install(on: channel, role: .server, options: options, delegate: delegate)
            socket.begin()
            return .upgraded(socket)
        }
    }

    /// Makes the headers of the 101 answer. Its own way to open a channel is not used: it would leave a frame encoder
    /// in the pipeline that writes header and payload apart.
    private func handshake(_ headers: HTTPHeaders) -> NIOTypedWebSocketServerUpgrader<Void> {
        NIOTypedWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(headers) },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() }
        )
    }

    /// Failing the response makes NIO go the way of requests without an upgrade, where the refusal is sent.
    private func refuse(_ refusal: RequestRefusal) -> EventLoopFuture<HTTPHeaders> {
        outcome.value = .refuse(refusal)
        return outcome.eventLoop.makeFailedFuture(refusal)
    }

    /// RFC 6455 sections 4.2.1 and 4.4.
    private static func problem(_ request: HTTPRequestHead) -> RequestRefusal? {
        guard request.method == .GET, request.version == .http1_1 else {
            return .badRequest("a WebSocket is opened with GET and HTTP/1.1")
        }
        guard request.headers[canonicalForm: "Connection"].contains(where: { $0.lowercased() == "upgrade" }) else {
            return .badRequest("the header Connection must hold upgrade")
        }
        guard request.headers["Sec-WebSocket-Version"] == ["13"] else {
            return RequestRefusal(
                status: .upgradeRequired, headers: ["Sec-WebSocket-Version": "13"], code: "bad_request",
                message: "the header Sec-WebSocket-Version must be 13")
        }
        let keys = request.headers["Sec-WebSocket-Key"]
        // 16 bytes in base64.
        guard keys.count == 1, keys[0].utf8.count == 24 else {
            return .badRequest("the header Sec-WebSocket-Key is missing or wrong")
        }
        return nil
    }
}

extension RequestRefusal {
    /// The error itself is not told to the peer.
    fileprivate static let internalError = RequestRefusal(
        status: .internalServerError, code: "internal", message: "the request could not be checked")
}

/// Takes the Upgrade header off requests for other protocols (`h2c`, as some HTTP clients send), which a server may
/// ignore (RFC 9110 section 7.8). NIO's upgrade handler would lose the head of such a request.
final class OtherUpgradesFilter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data), head.headers.contains(name: "Upgrade") else {
            return context.fireChannelRead(data)
        }
        let names = head.headers[canonicalForm: "Upgrade"]
        if !names.contains(where: { $0.lowercased() == "websocket" }) { head.headers.remove(name: "Upgrade") }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }
}
