import NIOCore
import NIOWebSocket

/// All state of one WebSocket, at the end of its channel's pipeline: `[TLS] -> frame decoder -> this handler`.
///
/// There is no frame encoder in the pipeline: frames are encoded before they get here, in one buffer each.
final class WebSocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = ByteBuffer

    enum Phase {
        /// Becomes `closing` by a Close frame of either side, or `closed` when the connection is lost.
        case open
        /// A Close frame was queued; messages are dropped in both directions. Becomes `closed`.
        case closing
        case closed
    }

    let role: WebSocket.Role
    let options: WebSocketOptions
    var phase = Phase.open
    var context: ChannelHandlerContext?

    // Outgoing: see WebSocketHandler+Outgoing.swift.
    var backlog = CircularBuffer<ByteBuffer>(initialCapacity: 1)
    var backlogBytes = 0
    var unflushedBytes = 0
    var isChannelWritable = true
    var wasUnwritable = false

    // Closing and keep-alive: see the extensions of these names.
    var closure: WebSocketClosure?
    var closeTimer: Scheduled<Void>?
    var pingTimer: Scheduled<Void>?
    var heardFromPeer = false
    var isReading = true

    private var assembler: MessageAssembler
    private var delegate: (any WebSocketDelegate)?
    private var socket: WebSocket?

    private init(role: WebSocket.Role, options: WebSocketOptions, delegate: any WebSocketDelegate) {
        self.role = role
        self.options = options
        self.delegate = delegate
        assembler = MessageAssembler(role: role, options: options)
    }

    /// Makes a WebSocket of a channel whose HTTP handlers are gone. On its event loop. `begin` must follow before the
    /// first bytes come.
    static func install(
        on channel: any Channel,
        role: WebSocket.Role,
        options: WebSocketOptions,
        delegate: any WebSocketDelegate
    ) throws -> WebSocket {
        guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
        let handler = WebSocketHandler(role: role, options: options, delegate: delegate)
        let socket = WebSocket(handler: handler, channel: channel)
        try channel.syncOptions?.setOption(
            .writeBufferWaterMark,
            value: .init(low: min(options.lowWatermark, options.highWatermark), high: options.highWatermark)
        )
        let decoder = WebSocketFrameDecoder(maxFrameSize: options.maxMessageBytes)
        try channel.pipeline.syncOperations.addHandlers(ByteToMessageHandler(decoder), handler)
        handler.socket = socket
        return socket
    }

    /// To be called when the channel takes writes.
    func begin() {
        guard isOpen, let delegate, let socket else { return }
        startKeepAlive()
        delegate.webSocketDidOpen(socket)
    }

    var isOpen: Bool { phase == .open }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        isChannelWritable = context.channel.isWritable
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        heardFromPeer = true
        guard phase != .closed else { return }
        do {
            switch try assembler.accept(unwrapInboundIn(data)) {
            case .message(let message):
                if isOpen, let delegate, let socket { delegate.webSocket(socket, didReceive: message) }
            case .ping(let payload):
                if isOpen { enqueue(controlFrame(.pong, payload)) }
            case .close(let code, let reason):
                peerClosed(code: code, reason: reason)
            case .pong:
                if isOpen, let delegate, let socket { delegate.webSocketDidReceivePong(socket) }
            case .fragment:
                break
            }
        } catch {
            fail(error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if let delegate, let socket { delegate.webSocketDidReadBurst(socket) }
        flush()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isChannelWritable = context.channel.isWritable
        if isChannelWritable {
            drainBacklog()
        } else {
            wasUnwritable = true
        }
        if wasUnwritable, isWritable, isOpen, let delegate, let socket {
            wasUnwritable = false
            delegate.webSocketDidBecomeWritable(socket)
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A peer that stops sending without a Close frame has left; half-open WebSockets do not exist.
        if case .inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOWebSocketError.invalidFrameLength:
            failForGood(.tooLarge)
        case let error as NIOWebSocketError:
            failForGood(
                .protocolError(error == .fragmentedControlFrame ? "fragmented control frame" : "long control frame"))
        case is ByteToMessageDecoderError:
            break  // more bytes after an error of the decoder, which was dealt with
        default:
            closure = closure ?? WebSocketClosure(code: nil, reason: "", error: error, byPeer: true)
            context.close(promise: nil)
        }
    }

    /// Ends everything, once; the last thing that the delegate hears.
    private func finish() {
        guard phase != .closed else { return }
        phase = .closed
        closeTimer?.cancel()
        pingTimer?.cancel()
        closeTimer = nil
        pingTimer = nil
        dropBacklog()
        guard let delegate = delegate.take(), let socket = socket.take() else { return }
        let lost = WebSocketClosure(code: nil, reason: "", error: WebSocketError.connectionLost, byPeer: true)
        delegate.webSocketDidClose(socket, closure ?? lost)
    }
}
