import NIOCore
import NIOWebSocket

/// The closing handshake (RFC 6455 section 7): each side sends one Close frame, then the connection is closed.
extension WebSocketHandler {
    /// Sends a Close frame behind what is queued, and waits for the peer's.
    ///
    /// - Parameter sent: Done when the kernel has taken the frame; only for an empty backlog.
    func startClosing(_ closure: WebSocketClosure, sent: EventLoopPromise<Void>? = nil) {
        guard isOpen else { return }
        phase = .closing
        self.closure = closure
        let frame = controlFrame(.connectionClose, CloseCode.payload(code: closure.code, reason: closure.reason))
        if backlog.isEmpty { handToChannel(frame, promise: sent) } else { write(frame) }
        flush()
        // Flushing can have found out that the connection is gone.
        guard phase == .closing else { return }
        setReading(true)  // or the answer would never be seen
        closeTimer = context?.eventLoop.assumeIsolated().scheduleTask(in: options.closeTimeout) { self.cut() }
    }

    /// Answers the peer's Close frame and closes the connection, or just closes it when the frame answered ours.
    func peerClosed(code: UInt16?, reason: String) {
        guard isOpen, let context else { return cut() }
        // The peer reads nothing any more but the answer.
        dropBacklog()
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in self.cut() }
        startClosing(WebSocketClosure(code: code, reason: reason, byPeer: true), sent: sent)
    }

    /// The peer broke a rule, but the frames after this one can still be read: its Close frame will be seen.
    func fail(_ violation: ProtocolViolation) {
        let error = WebSocketError.violation(code: violation.code, reason: violation.reason)
        startClosing(.init(code: violation.code, reason: violation.reason, error: error, byPeer: false))
    }

    /// The peer broke a rule in a way that leaves unknown where the next frame begins. Only the output is closed then:
    /// a connection that is closed with unread bytes is reset, and the peer might never see why.
    func failForGood(_ violation: ProtocolViolation) {
        guard isOpen else { return }
        dropBacklog()
        fail(violation)
        context?.close(mode: .output, promise: nil)
    }

    func cut() { context?.close(promise: nil) }
}
