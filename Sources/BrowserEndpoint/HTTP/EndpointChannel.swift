import Foundation
import Hummingbird
package import HummingbirdCore
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

    package static func builder(hub: BrowserHub, origins: OriginPolicy, options: WebSocketOptions) -> HTTPServerBuilder
    {
        HTTPServerBuilder { responder in
            EndpointChannel(responder: responder, hub: hub, origins: origins, options: options)
        }
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let outcome = try WebSocketServerUpgrade.configure(
                channel: channel, options: options, shouldUpgrade: decide, notUpgrading: Self.serveHTTP)
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

    private static func serveHTTP(on channel: any Channel) -> EventLoopFuture<HTTPChannel> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(75)))
            try pipeline.addHandler(CloseWhenIdle())
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
                .refuse(UpgradeRefusal(.notFound("There is no WebSocket at this address, try /ws."))))
        }
        guard origins.permits(origin: head.headers.first(name: "Origin"), host: head.headers.first(name: "Host")) else {
            let rejection = Rejection(
                code: "forbidden",
                message: "Pages of this origin may not connect. Add it to server.allowed-origins in config.yaml.")
            return channel.eventLoop.makeSucceededFuture(.refuse(UpgradeRefusal(rejection)))
        }
        let info = ConnectionInfo(id: RandomID.make(), remoteAddress: channel.remoteAddress?.ipAddress ?? "")
        let credential = Credential(bearer: head.headers.first(name: "Authorization"))
        return channel.eventLoop.makeSucceededFuture(
            .accept { [hub, gateway] in
                BrowserSocketDelegate(
                    hub: hub, info: info, dialect: dialect, gateway: gateway, credential: credential)
            })
    }
}

extension UpgradeRefusal {
    fileprivate init(_ rejection: Rejection) {
        let response = Response(rejection)
        self.init(
            status: HTTPResponseStatus(statusCode: response.status.code),
            body:
                #"{"error":{"code":"\#(rejection.code)","message":"\#(rejection.message)"},"detail":"\#(rejection.message)"}"#
        )
    }
}

/// Ends a connection on which nothing was sent or received for a while.
private final class CloseWhenIdle: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
