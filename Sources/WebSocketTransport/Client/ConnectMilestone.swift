import NIOCore
import NIOTLS

/// How far a client has come on the way to an open WebSocket.
package enum ConnectMilestone: Sendable, Hashable {
    /// The TCP connection is there.
    case connected
    /// TLS is set up, and the server's certificate was accepted.
    case secured
}

/// Waits for the end of the TLS handshake, tells it, and leaves the pipeline.
final class TLSWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    private let onSecured: @Sendable () -> Void

    init(onSecured: @escaping @Sendable () -> Void) { self.onSecured = onSecured }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        guard case .handshakeCompleted? = event as? TLSUserEvent else { return }
        onSecured()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
