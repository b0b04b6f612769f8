import NIOCore
import NIOWebSocket

/// The way out. While the channel is writable, frames go straight to it. Above its high watermark they wait in
/// `backlog`, because what the channel has taken cannot be dropped again.
extension WebSocketHandler {
    var isWritable: Bool { isChannelWritable && backlog.isEmpty }

    var queuedBytes: Int {
        let taken = try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)
        return backlogBytes + (taken ?? 0)
    }

    /// Queues an encoded frame; drops it once the socket is closing.
    func enqueue(_ frame: ByteBuffer) {
        guard isOpen else { return }
        write(frame)
        // A single frame may be larger than the bound: only what waits behind the next one tells that the peer lags.
        guard backlogBytes - (backlog.first?.readableBytes ?? 0) > options.maxQueuedBytes else { return }
        let error = WebSocketError.slowConsumer(queuedBytes: queuedBytes)
        dropBacklog()
        let reason = "reader is too slow"
        startClosing(.init(code: options.slowConsumerCode, reason: reason, error: error, byPeer: false))
    }

    /// Queues a frame in any phase.
    func write(_ frame: ByteBuffer) {
        if isWritable {
            handToChannel(frame)
        } else {
            backlogBytes += frame.readableBytes
            backlog.append(frame)
        }
    }

    /// Past the backlog.
    func handToChannel(_ frame: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        unflushedBytes += frame.readableBytes
        context.write(wrapOutboundOut(frame), promise: promise)
        // TLS takes what is not flushed without counting it, so it must not grow without bound.
        if unflushedBytes > options.highWatermark { flush() }
    }

    func flush() {
        guard unflushedBytes > 0, let context else { return }
        unflushedBytes = 0
        context.flush()
    }

    /// Hands waiting frames to the channel for as long as it takes them.
    func drainBacklog() {
        while isChannelWritable, let frame = backlog.popFirst() {
            backlogBytes -= frame.readableBytes
            handToChannel(frame)
        }
        flush()
    }

    func dropBacklog() {
        backlog = CircularBuffer(initialCapacity: 1)
        backlogBytes = 0
    }

    func controlFrame(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) -> ByteBuffer {
        switch role {
        case .server: .plainFrame(opcode: opcode, payload: payload)
        case .client: .maskedFrame(opcode: opcode, payload: payload)
        }
    }

    func setReading(_ isOn: Bool) {
        guard phase != .closed, isOn != isReading, let options = context?.channel.syncOptions else { return }
        isReading = isOn
        // Fails only on a channel that is closed already.
        try? options.setOption(.autoRead, value: isOn)
    }
}
