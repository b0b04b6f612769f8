package import NIOCore
package import NIOHTTP1
import NIOPosix
import Synchronization

/// A bare WebSocket server without HTTP routes: for a fake gateway, and for tests.
package final class WebSocketServer: Sendable {
    private let listener: any Channel
    private let connections: Connections

    private init(listener: any Channel, connections: Connections) {
        self.listener = listener
        self.connections = connections
    }

    /// The port that the server listens on.
    package var localPort: Int { listener.localAddress?.port ?? 0 }

    /// Listens. Requests that ask for no WebSocket are answered with 426.
    ///
    /// - Parameters:
    ///   - port: 0 takes any free port, see `localPort`.
    ///   - group: Connections are spread over its event loops.
    ///   - accept: Called on the connection's event loop for each request for a WebSocket.
    package static func bind(
        host: String = "127.0.0.1",
        port: Int = 0,
        on group: any EventLoopGroup,
        options: WebSocketOptions = WebSocketOptions(),
        accept: @escaping @Sendable (HTTPRequestHead) -> UpgradeDecision
    ) -> EventLoopFuture<WebSocketServer> {
        let connections = Connections()
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                connections.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    _ = try WebSocketServerUpgrade.configure(
                        channel: channel,
                        options: options,
                        shouldUpgrade: { head, channel in channel.eventLoop.makeSucceededFuture(accept(head)) },
                        notUpgrading: { WebSocketServerUpgrade.send(.onlyWebSocket, on: $0) }
                    )
                }
            }
            .bind(host: host, port: port)
            .map { WebSocketServer(listener: $0, connections: connections) }
    }

    /// Stops listening and cuts all connections, without closing handshakes. Done when they are gone.
    package func shutdown() -> EventLoopFuture<Void> {
        let eventLoop = listener.eventLoop
        listener.close(promise: nil)
        return listener.closeFuture.flatMap { [connections] in
            EventLoopFuture.andAllComplete(connections.closeAll(), on: eventLoop)
        }
    }
}

extension RequestRefusal {
    fileprivate static let onlyWebSocket = RequestRefusal(
        status: .upgradeRequired,
        headers: ["Upgrade": "websocket"], code: "upgrade_required", message: "this port speaks WebSocket only")
}

/// The open connections of a server.
private final class Connections: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    func add(_ channel: any Channel) {
        channels.withLock { $0[ObjectIdentifier(channel)] = channel }
        channel.closeFuture.whenComplete { [self] _ in
            _ = channels.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) }
        }
    }

    func closeAll() -> [EventLoopFuture<Void>] {
        channels.withLock { Array($0.values) }.map { channel in
            channel.close(promise: nil)
            return channel.closeFuture
        }
    }
}
