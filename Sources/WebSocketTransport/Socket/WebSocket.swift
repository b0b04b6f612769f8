package import NIOCore
import NIOWebSocket

/// A handle to one open WebSocket, of a server or of a client.
///
/// It may be held anywhere, but its functions must be called on `eventLoop`; they trap elsewhere. After the socket has
/// closed they do nothing.
package final class WebSocket: Sendable {
    package enum Role: Sendable { case client, server }

    package let eventLoop: any EventLoop
    package let localRole: Role
    /// The peer's IP address without the port; empty when there is none.
    package let remoteAddress: String
    /// Done when the connection is gone.
    package let closeFuture: EventLoopFuture<Void>
    private let handler: NIOLoopBound<WebSocketHandler>

    init(handler: WebSocketHandler, channel: any Channel) {
        eventLoop = channel.eventLoop
        localRole = handler.role
        remoteAddress = channel.remoteAddress?.ipAddress ?? ""
        closeFuture = channel.closeFuture
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    }

    /// Tells the delegate that the socket is open.
    func begin() { handler.value.begin() }

    /// Queues a text message, which must be UTF-8. Nothing is on its way before `flush`.
    package func send(text: ByteBuffer) {
        let handler = handler.value
        guard handler.isOpen else { return }
        switch localRole {
        case .server: handler.enqueue(EncodedFrame(text: text).bytes)
        case .client: handler.enqueue(.maskedFrame(opcode: .text, payload: text))
        }
    }

    /// Queues a frame that was encoded once for many sockets. Server role only: a client must mask every frame anew.
    package func send(frame: EncodedFrame) {
        precondition(localRole == .server, "an encoded frame is not masked, a client must mask")
        handler.value.enqueue(frame.bytes)
    }

    /// Hands what is queued to the kernel.
    package func flush() { handler.value.flush() }

    /// Sends a ping at once. Its answer comes as `webSocketDidReceivePong`.
    package func ping() { handler.value.ping() }

    /// Begins the closing handshake, after what is queued. The connection is cut when the peer does not answer in time.
    ///
    /// - Parameter reason: For the peer; cut to 123 bytes, the room that a Close frame has (RFC 6455 section 5.5).
    package func close(code: UInt16, reason: String) {
        handler.value.startClosing(WebSocketClosure(code: code, reason: reason, byPeer: false))
    }

    /// Bytes that were accepted by `send` and not yet taken by the kernel, frame headers included.
    package var queuedBytes: Int { handler.value.queuedBytes }

    /// False from the high watermark on, until the queue is below the low one.
    package var isWritable: Bool { handler.value.isWritable }

    /// Stops reading from the peer. Messages that were read already still arrive.
    package func pauseReading() { handler.value.setReading(false) }

    package func resumeReading() { handler.value.setReading(true) }
}
