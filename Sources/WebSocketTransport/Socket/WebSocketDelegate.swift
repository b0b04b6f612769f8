package import NIOCore

/// A whole message, put together from its fragments and unmasked.
///
/// The buffer may share its storage with other messages of the same read: copy it to keep it for long.
package enum WebSocketMessage: Sendable, Equatable {
    /// UTF-8; checked unless `WebSocketOptions.validatesUTF8` is off.
    case text(ByteBuffer)
    case binary(ByteBuffer)
}

/// Gets what happens on one WebSocket.
///
/// All calls come on the socket's event loop. `webSocketDidOpen` is the first and `webSocketDidClose` the last one,
/// each exactly once. `webSocketDidBecomeWritable` and `webSocketDidClose` may also come from inside a `send` or
/// `flush` of that socket. The socket holds its delegate strongly until `webSocketDidClose` has returned.
package protocol WebSocketDelegate: AnyObject {
    func webSocketDidOpen(_ socket: WebSocket)
    /// Not called any more once `close` was called or the peer began to close.
    func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage)
    /// The end of a read burst: time to flush the other sockets that were written to meanwhile. This socket is flushed
    /// on its own after the call.
    func webSocketDidReadBurst(_ socket: WebSocket)
    /// The queue fell below the low watermark after it had been above the high one.
    func webSocketDidBecomeWritable(_ socket: WebSocket)
    func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure)
    /// The peer answered a ping. Does nothing unless it is implemented.
    func webSocketDidReceivePong(_ socket: WebSocket)
}

extension WebSocketDelegate {
    package func webSocketDidReceivePong(_ socket: WebSocket) {}
}

/// How a WebSocket ended.
package struct WebSocketClosure: Sendable {
    /// The code of the Close frame that began the closing; nil when that frame had none, or there was no such frame.
    package var code: UInt16?
    package var reason: String
    /// What went wrong; nil after a closing that one of the two asked for.
    package var error: (any Error)?
    /// Whether the peer began it, or simply went away.
    package var byPeer: Bool

    package init(code: UInt16?, reason: String, error: (any Error)? = nil, byPeer: Bool) {
        self.code = code
        self.reason = reason
        self.error = error
        self.byPeer = byPeer
    }
}
