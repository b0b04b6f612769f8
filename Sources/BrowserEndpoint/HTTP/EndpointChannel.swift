import Foundation
import Hummingbird
package import HummingbirdCore
import JSON
package import Logging
import MiddlewareKit
package import NIOCore
import NIOHTTP1
package import NIOHTTPTypes
import NIOHTTPTypesHTTP1
package import WebSocketTransport

/// One accepted connection of the HTTP server: ordinary requests go to the router, requests for a WebSocket to the hub.
package struct EndpointChannel: HTTPChannelHandler {
    package typealias HTTPChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    package struct Value: ServerChildChannelValue {
        package let channel: any Channel
        /// Known once the first request has arrived.
        let outcome: EventLoopFuture<UpgradeResult<HTTPChannel>>
    }

    package let responder: Responder
    let hub: BrowserHub
    let origins: OriginPolicy
    let options: WebSocketOptions
    /// Nil: the connections are not encrypted.
    let tls: ServerTLS?
    /// How long a request may take to arrive, once its head is there.
    let requestTimeout: TimeAmount

    package static func builder(
        hub: BrowserHub, origins: OriginPolicy, options: WebSocketOptions, tls: ServerTLS? = nil,
        requestTimeout: TimeAmount = .seconds(30)
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            EndpointChannel(
                responder: responder, hub: hub, origins: origins, options: options, tls: tls,
                requestTimeout: requestTimeout)
        }
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try tls?.protect(channel)
            let waiting = NIOLoopBound(BeforeFirstRequest(), eventLoop: channel.eventLoop)
            try channel.pipeline.syncOperations.addHandler(waiting.value)
            let outcome = try WebSocketServerUpgrade.configure(
                channel: channel, options: options, maxRequestBody: FrameLimits.requestBody, shouldUpgrade: decide,
                notUpgrading: { [isSecure = tls != nil, requestTimeout] in
                    Self.serveHTTP(on: $0, isSecure: isSecure, requestTimeout)
                })
            outcome.whenComplete { _ in
                channel.pipeline.syncOperations.removeHandler(waiting.value, promise: nil)
            }
            return Value(channel: channel, outcome: outcome)
        }
    }

    package func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.outcome.get() {
            case .upgraded(let socket): try await socket.closeFuture.get()
            case .notUpgraded(let channel):
                // Calls ask the hub and the database, so they are best answered where the hub lives.
                await withTaskExecutorPreference(hub.taskExecutor) {
                    await handleHTTP(asyncChannel: channel, logger: logger)
                }
            case .refused: break
            }
        } catch {
            logger.trace("a connection ended: \(error)")
        }
    }

    private static func serveHTTP(
        on channel: any Channel, isSecure: Bool, _ requestTimeout: TimeAmount
    ) -> EventLoopFuture<HTTPChannel> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: isSecure))
            try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(75)))
            try pipeline.addHandler(ConnectionEnd())
            try pipeline.addHandler(RequestDeadline(limit: requestTimeout))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    /// Which WebSocket a request is for, and whether its page may open it.
    private func decide(_ head: HTTPRequestHead, _ channel: any Channel) -> EventLoopFuture<UpgradeDecision> {
        let path = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let dialect: Dialect
        var gateway: String?
        if path == "/ws" {
            dialect = .native
        } else if path.hasPrefix("/ws/chat/"), let name = path.dropFirst(9).removingPercentEncoding, !name.isEmpty {
            dialect = .chat
            gateway = name
        } else {
            return channel.eventLoop.makeSucceededFuture(
                .refuse(RequestRefusal(.notFound("There is no WebSocket at this address, try /ws."))))
        }
        let (origin, host) = (head.headers.first(name: "Origin"), head.headers.first(name: "Host"))
        if let refusal = origins.refusal(origin: origin, host: host) {
            return channel.eventLoop.makeSucceededFuture(.refuse(RequestRefusal(refusal)))
        }
        let client = hub.proxies.client(
            peer: channel.remoteAddress?.ipAddress ?? "", forwardedFor: head.headers["X-Forwarded-For"])
        let info = ConnectionInfo(id: RandomID.make(), remoteAddress: client)
        let credential = Credential(bearer: head.headers.first(name: "Authorization"))
        return channel.eventLoop.makeSucceededFuture(
            .accept { [hub, gateway] in
                BrowserSocketDelegate(
                    hub: hub, info: info, dialect: dialect, gateway: gateway, credential: credential)
            })
    }
}

extension RequestRefusal {
    fileprivate init(_ rejection: Rejection) {
        self.init(
            status: HTTPResponseStatus(statusCode: rejection.httpStatus.code), body: rejection.json.encoded())
    }
}

/// Ends a connection when the server stops before anything was asked: browsers open some that they may need later.
private final class BeforeFirstRequest: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        context.close(promise: nil)
    }
}

/// Ends a connection on which nothing was sent or received for a while; and, when the server stops, as soon as no request
/// is being answered: browsers keep connections open that they do not use.
private final class ConnectionEnd: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var isAnswering = false
    private var isStopping = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head = unwrapInboundIn(data) { isAnswering = true }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
        isAnswering = false
        guard isStopping else { return context.write(data, promise: promise) }
        let (channel, written) = (context.channel, context.writeAndFlush(data))
        written.cascade(to: promise)
        written.whenComplete { _ in channel.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is IdleStateHandler.IdleStateEvent: return context.close(promise: nil)
        case is ChannelShouldQuiesceEvent:
            isStopping = true
            if !isAnswering { return context.close(promise: nil) }
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }
}
