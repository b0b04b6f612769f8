import NIOCore
import NIOPosix
import WebSocketTransport

/// Listens for WebSockets and keeps hold of their channels, so that faults can write any bytes and cut connections.
enum GatewayListener {
    /// - Parameters:
    ///   - eventLoop: All connections live on it.
    ///   - makePeer: Called on the event loop for each WebSocket.
    /// - Returns: The listening channel.
    static func bind(
        host: String,
        port: Int,
        on eventLoop: any EventLoop,
        options: WebSocketOptions,
        tls: ServerTLS? = nil,
        makePeer: @escaping @Sendable (any Channel) -> any WebSocketDelegate
    ) -> EventLoopFuture<any Channel> {
        ServerBootstrap(group: eventLoop)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try tls?.protect(channel)
                    _ = try WebSocketServerUpgrade.configure(
                        channel: channel,
                        options: options,
                        shouldUpgrade: { _, channel in
                            channel.eventLoop.makeSucceededFuture(.accept(makeDelegate: { makePeer(channel) }))
                        },
                        notUpgrading: { $0.close() }
                    )
                }
            }
            .bind(host: host, port: port)
    }
}
