import MiddlewareKit
import WebSocketTransport

/// Carries what happens on one browser's socket to the hub, which lives on the same event loop.
final class BrowserSocketDelegate: WebSocketDelegate, Sendable {
    private let hub: BrowserHub
    private let info: ConnectionInfo
    private let dialect: Dialect
    private let gateway: String?
    private let credential: Credential?

    init(hub: BrowserHub, info: ConnectionInfo, dialect: Dialect, gateway: String?, credential: Credential?) {
        self.hub = hub
        self.info = info
        self.dialect = dialect
        self.gateway = gateway
        self.credential = credential
    }

    func webSocketDidOpen(_ socket: WebSocket) {
        hub.assumeIsolated {
            $0.connectionDidOpen(socket, info: info, dialect: dialect, gateway: gateway, credential: credential)
        }
    }

    func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) {
        hub.assumeIsolated { $0.connection(info.id, didReceive: message) }
    }

    func webSocketDidReadBurst(_ socket: WebSocket) {
        hub.assumeIsolated { $0.flush() }
    }

    func webSocketDidBecomeWritable(_ socket: WebSocket) {
        hub.assumeIsolated { $0.connectionDidBecomeWritable(info.id) }
    }

    func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {
        hub.assumeIsolated { $0.connectionDidClose(info.id) }
    }
}
