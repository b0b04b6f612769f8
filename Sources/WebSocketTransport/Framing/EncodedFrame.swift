package import NIOCore
import NIOWebSocket

/// A text frame as it goes over the wire from a server: FIN, not masked, header and payload in one buffer.
///
/// Encoded once, it can be sent to any number of sockets; they share its storage.
package struct EncodedFrame: Sendable, Equatable {
    package let bytes: ByteBuffer

    /// - Parameter text: The payload, UTF-8. It is copied behind the header.
    package init(text: ByteBuffer, allocator: ByteBufferAllocator = ByteBufferAllocator()) {
        self.init(allocator: allocator, capacity: text.readableBytes) { $0.writeImmutableBuffer(text) }
    }

    /// Lets the caller write the payload in place, behind room that is kept for the header.
    ///
    /// - Parameters:
    ///   - capacity: How many bytes of payload to make room for; the buffer grows when there are more.
    ///   - build: Appends the payload, UTF-8. It must not read from the buffer or change what is before the payload.
    package init(
        allocator: ByteBufferAllocator = ByteBufferAllocator(),
        capacity: Int = 512,
        text build: (inout ByteBuffer) throws -> Void
    ) rethrows {
        let room = ByteBuffer.longestFrameHeader
        var buffer = allocator.buffer(capacity: room + capacity)
        buffer.moveWriterIndex(to: room)
        buffer.moveReaderIndex(to: room)
        try build(&buffer)
        precondition(buffer.readerIndex == room, "the payload was read while it was written")
        let start = room - ByteBuffer.frameHeaderBytes(payload: buffer.readableBytes)
        buffer.setFrameHeader(at: start, opcode: .text, payloadBytes: buffer.readableBytes, masked: false)
        buffer.moveReaderIndex(to: start)
        bytes = buffer
    }
}

extension ByteBuffer {
    /// Without the masking key.
    static let longestFrameHeader = 10

    /// RFC 6455 section 5.2: the length is in 7 bits, in 16 bits after 126, or in 64 bits after 127.
    static func frameHeaderBytes(payload: Int) -> Int {
        switch payload {
        case ...125: 2
        case ...0xFFFF: 4
        default: longestFrameHeader
        }
    }

    /// Writes the header of a whole message without moving any index.
    mutating func setFrameHeader(at index: Int, opcode: WebSocketOpcode, payloadBytes: Int, masked: Bool) {
        setInteger(0x80 | UInt8(webSocketOpcode: opcode), at: index)
        let maskBit: UInt8 = masked ? 0x80 : 0
        switch payloadBytes {
        case ...125:
            setInteger(maskBit | UInt8(payloadBytes), at: index + 1)
        case ...0xFFFF:
            setInteger(maskBit | 126, at: index + 1)
            setInteger(UInt16(payloadBytes), at: index + 2)
        default:
            setInteger(maskBit | 127, at: index + 1)
            setInteger(UInt64(payloadBytes), at: index + 2)
        }
    }

    /// A frame as a server sends it.
    static func plainFrame(opcode: WebSocketOpcode, payload: ByteBuffer) -> ByteBuffer {
        let header = frameHeaderBytes(payload: payload.readableBytes)
        var frame = ByteBufferAllocator().buffer(capacity: header + payload.readableBytes)
        frame.setFrameHeader(at: 0, opcode: opcode, payloadBytes: payload.readableBytes, masked: false)
        frame.moveWriterIndex(to: header)
        frame.writeImmutableBuffer(payload)
        return frame
    }

    /// A frame as a client sends it: with a fresh, unpredictable masking key (RFC 6455 section 5.3).
    static func maskedFrame(
        opcode: WebSocketOpcode,
        payload: ByteBuffer,
        key: WebSocketMaskingKey = .random()
    ) -> ByteBuffer {
        let header = frameHeaderBytes(payload: payload.readableBytes)
        var frame = ByteBufferAllocator().buffer(capacity: header + 4 + payload.readableBytes)
        frame.setFrameHeader(at: 0, opcode: opcode, payloadBytes: payload.readableBytes, masked: true)
        frame.moveWriterIndex(to: header)
        frame.writeBytes(key)
        frame.writeImmutableBuffer(payload)
        // Masks the copy in place: only the readable bytes are touched.
        frame.moveReaderIndex(to: header + 4)
        frame.webSocketMask(key)
        frame.moveReaderIndex(to: 0)
        return frame
    }
}
