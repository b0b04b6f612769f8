import NIOCore
import WebSocketTransport

/// The socket's side of one connection: hands everything to the gateway, which runs on the same event loop.
final class GatewayPeer: WebSocketDelegate, Sendable {
    let id: Int
    /// For faults that a well-behaved WebSocket cannot commit.
    let channel: any Channel
    private let gateway: FakeGateway

    init(id: Int, channel: any Channel, gateway: FakeGateway) {
        self.id = id
        self.channel = channel
        self.gateway = gateway
    }

    func webSocketDidOpen(_ socket: WebSocket) {
        gateway.assumeIsolated { $0.didOpen(socket, of: self) }
    }

    func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) {
        gateway.assumeIsolated { $0.didReceive(message, from: id) }
    }

    func webSocketDidReadBurst(_ socket: WebSocket) {}

    func webSocketDidBecomeWritable(_ socket: WebSocket) {}

    func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {
        gateway.assumeIsolated { $0.didClose(id) }
    }
}
