import NIOCore

@testable import WebSocketTransport

/// Writes down what it hears, and does what the test says at each point.
final class RecordingDelegate: WebSocketDelegate {
    var socket: WebSocket?
    var opened = 0
    var messages: [WebSocketMessage] = []
    var bursts = 0
    var becameWritable = 0
    var closures: [WebSocketClosure] = []

    var onOpen: (WebSocket) -> Void = { _ in }
    var onMessage: (WebSocket, WebSocketMessage) -> Void = { _, _ in }
    var onClose: (WebSocketClosure) -> Void = { _ in }

    var texts: [String] {
        messages.map { message in
            switch message {
            case .text(let text): String(buffer: text)
            case .binary(let bytes): "binary \(bytes.readableBytes)"
            }
        }
    }

    func webSocketDidOpen(_ socket: WebSocket) {
        opened += 1
        self.socket = socket
        onOpen(socket)
    }

    func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) {
        messages.append(message)
        onMessage(socket, message)
    }

    func webSocketDidReadBurst(_ socket: WebSocket) { bursts += 1 }

    func webSocketDidBecomeWritable(_ socket: WebSocket) { becameWritable += 1 }

    func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {
        closures.append(closure)
        onClose(closure)
    }
}

extension WebSocketClosure {
    var socketError: WebSocketError? { error as? WebSocketError }
}
