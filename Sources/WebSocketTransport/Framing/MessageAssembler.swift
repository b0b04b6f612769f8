import NIOCore
import NIOWebSocket

/// Checks frames against RFC 6455 and puts messages together. Pure: it knows no channel.
struct MessageAssembler {
    enum Event: Equatable {
        case message(WebSocketMessage)
        case ping(ByteBuffer)
        case pong
        case close(code: UInt16?, reason: String)
        /// A fragment; the message is not complete yet.
        case fragment
    }

    private struct Partial {
        var opcode: WebSocketOpcode
        var bytes: ByteBuffer
        var fragments = 1
    }

    private let expectsMask: Bool
    private let maxMessageBytes: Int
    private let maxFragments: Int
    private let validatesUTF8: Bool
    private var partial: Partial?

    init(role: WebSocket.Role, options: WebSocketOptions) {
        expectsMask = role == .server
        maxMessageBytes = options.maxMessageBytes
        maxFragments = options.maxFragments
        validatesUTF8 = options.validatesUTF8
    }

    mutating func accept(_ frame: WebSocketFrame) throws(ProtocolViolation) -> Event {
        // Section 5.1: a client must mask, a server must not.
        guard (frame.maskKey != nil) == expectsMask else {
            throw .protocolError(expectsMask ? "frame is not masked" : "frame is masked")
        }
        // Section 5.2: no extension was negotiated that would give these bits a meaning.
        guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else { throw .protocolError("reserved bit is set") }
        switch frame.opcode {
        case .text, .binary, .continuation:
            return try acceptData(frame)
        case .ping:
            return .ping(frame.unmaskedData)
        case .pong:
            return .pong
        case .connectionClose:
            let (code, reason) = try CloseCode.parse(frame.unmaskedData)
            return .close(code: code, reason: reason)
        default:
            throw .protocolError("unknown opcode")
        }
    }

    /// Section 5.4: fragments of different messages are never mixed; control frames may stand between them.
    private mutating func acceptData(_ frame: WebSocketFrame) throws(ProtocolViolation) -> Event {
        if frame.opcode == .continuation {
            guard partial != nil else { throw .protocolError("continuation without a beginning") }
            return try append(frame)
        }
        guard partial == nil else { throw .protocolError("new message inside of another one") }
        guard frame.length <= maxMessageBytes else { throw .tooLarge }
        if frame.fin { return .message(try message(frame.opcode, frame.unmaskedData)) }
        partial = Partial(opcode: frame.opcode, bytes: frame.unmaskedData)
        return .fragment
    }

    private mutating func append(_ frame: WebSocketFrame) throws(ProtocolViolation) -> Event {
        // Taken out while it grows, so that its bytes have one owner and are not copied each time.
        guard var grown = partial.take() else { return .fragment }
        grown.fragments += 1
        guard grown.bytes.readableBytes + frame.length <= maxMessageBytes else { throw .tooLarge }
        guard grown.fragments <= maxFragments else {
            throw .init(code: CloseCode.tooLarge, reason: "too many fragments")
        }
        grown.bytes.writeImmutableBuffer(frame.unmaskedData)
        if frame.fin { return .message(try message(grown.opcode, grown.bytes)) }
        partial = grown
        return .fragment
    }

    private func message(_ opcode: WebSocketOpcode, _ bytes: ByteBuffer) throws(ProtocolViolation) -> WebSocketMessage {
        guard opcode == .text else { return .binary(bytes) }
        guard !validatesUTF8 || bytes.isValidUTF8 else { throw .notUTF8 }
        return .text(bytes)
    }
}
