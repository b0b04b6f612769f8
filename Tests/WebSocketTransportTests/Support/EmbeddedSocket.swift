import NIOCore
import NIOEmbedded
import NIOWebSocket

@testable import WebSocketTransport

/// A WebSocket on a channel in memory; the test is the peer and moves the clock.
final class EmbeddedSocket {
    let channel: EmbeddedChannel
    let delegate = RecordingDelegate()
    let socket: WebSocket
    private let role: WebSocket.Role

    init(_ role: WebSocket.Role = .server, options: WebSocketOptions = WebSocketOptions()) throws {
        self.role = role
        channel = EmbeddedChannel(handler: HalfClosure())
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 1)).wait()
        socket = try WebSocketHandler.install(on: channel, role: role, options: options, delegate: delegate)
        socket.begin()
    }

    /// The peer sends these bytes in one segment.
    func receive(_ bytes: ByteBuffer) { _ = try? channel.writeInbound(bytes) }

    /// The peer sends a frame, masked as its role demands.
    func receive(_ opcode: WebSocketOpcode, _ payload: ByteBuffer = ByteBuffer(), fin: Bool = true) {
        receive(peerFrame(opcode, payload, fin: fin))
    }

    func receive(_ opcode: WebSocketOpcode, _ text: String, fin: Bool = true) {
        receive(opcode, ByteBuffer(string: text), fin: fin)
    }

    func peerFrame(_ opcode: WebSocketOpcode, _ payload: ByteBuffer = ByteBuffer(), fin: Bool = true) -> ByteBuffer {
        var frame: ByteBuffer
        switch role {
        case .server: frame = .maskedFrame(opcode: opcode, payload: payload)
        case .client: frame = .plainFrame(opcode: opcode, payload: payload)
        }
        if !fin { frame.setInteger(UInt8(webSocketOpcode: opcode), at: 0) }
        return frame
    }

    /// The next frame that went out and was flushed.
    func sent() throws -> SentFrame? {
        guard let bytes = try channel.readOutbound(as: ByteBuffer.self) else { return nil }
        return try SentFrame(bytes)
    }

    /// What was last set; nil when nothing was.
    var autoRead: Bool? {
        channel.options.first { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool
    }

    func advance(by time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }
}

/// What the channel in memory lacks: closing only the output leaves the channel open.
private final class HalfClosure: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if case .output = mode { promise?.succeed() } else { context.close(mode: mode, promise: promise) }
    }
}

/// A frame decoded without any code of the module under test.
struct SentFrame: Equatable {
    let opcode: UInt8
    let isMasked: Bool
    let payload: ByteBuffer

    struct Malformed: Error {}

    init(_ bytes: ByteBuffer) throws {
        var bytes = bytes
        guard let first = bytes.readInteger(as: UInt8.self), first & 0xF0 == 0x80,
            let second = bytes.readInteger(as: UInt8.self)
        else { throw Malformed() }
        opcode = first & 0x0F
        isMasked = second & 0x80 != 0
        let length: Int? =
            switch second & 0x7F {
            case 126: bytes.readInteger(as: UInt16.self).map(Int.init)
            case 127: bytes.readInteger(as: UInt64.self).map(Int.init)
            case let short: Int(short)
            }
        let key = isMasked ? bytes.readBytes(length: 4) : [0, 0, 0, 0]
        guard let key, let length, bytes.readableBytes == length else { throw Malformed() }
        payload = ByteBuffer(bytes: bytes.readableBytesView.enumerated().map { $1 ^ key[$0 % 4] })
    }

    var text: String { String(buffer: payload) }
    var closeCode: UInt16? { opcode == 8 ? payload.getInteger(at: payload.readerIndex) : nil }
}
