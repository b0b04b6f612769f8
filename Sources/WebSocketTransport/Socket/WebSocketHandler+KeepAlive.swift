import NIOCore
import NIOWebSocket

/// A silent peer is asked with a ping whether it is still there (RFC 6455 section 5.5.2). Any frame counts as life.
///
/// One timer a socket, and no clock is read for a frame: reading only sets a flag.
extension WebSocketHandler {
    func startKeepAlive() {
        guard let interval = options.pingInterval else { return }
        schedule(in: interval) { $0.pingIfSilent() }
    }

    private func pingIfSilent() {
        guard !heardFromPeer, isOpen, isReading else { return rest() }
        ping()
        schedule(in: options.pongTimeout) { $0.giveUpIfSilent() }
    }

    func ping() {
        guard isOpen else { return }
        // Not counted: no ping follows before the peer was heard of.
        write(controlFrame(.ping, ByteBuffer()))
        flush()
    }

    private func giveUpIfSilent() {
        guard !heardFromPeer, isReading else { return rest() }
        closure = closure ?? WebSocketClosure(code: nil, reason: "", error: WebSocketError.pongTimedOut, byPeer: false)
        cut()
    }

    private func rest() {
        heardFromPeer = false
        startKeepAlive()
    }

    private func schedule(in delay: TimeAmount, _ action: @escaping (WebSocketHandler) -> Void) {
        guard phase != .closed else { return }
        pingTimer = context?.eventLoop.assumeIsolated().scheduleTask(in: delay) { action(self) }
    }
}
