import NIOCore
import NIOWebSocket
import Testing

@testable import WebSocketTransport

struct EncodedFrameTests {
    /// Around each change of the header's size.
    static let sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]

    @Test(arguments: sizes) func copiedPayload(size: Int) throws {
        let payload = ByteBuffer(repeating: 0x61, count: size)
        let frame = try SentFrame(EncodedFrame(text: payload).bytes)
        #expect(frame.opcode == 1)
        #expect(!frame.isMasked)
        #expect(frame.payload == payload)
    }

    @Test(arguments: sizes) func payloadWrittenInPlace(size: Int) {
        let built = EncodedFrame(capacity: 16) { $0.writeRepeatingByte(0x61, count: size) }
        #expect(built == EncodedFrame(text: ByteBuffer(repeating: 0x61, count: size)))
    }

    @Test(arguments: sizes) func maskedPayload(size: Int) throws {
        let payload = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0) })
        let bytes = ByteBuffer.maskedFrame(opcode: .binary, payload: payload, key: [1, 2, 3, 4])
        let frame = try SentFrame(bytes)
        #expect(frame.opcode == 2)
        #expect(frame.isMasked)
        #expect(frame.payload == payload)
        if size > 1 { #expect(bytes.readableBytesView.suffix(size).first == 1) }
    }

    /// The bytes of RFC 6455 section 5.7.
    @Test func examplesOfTheRFC() {
        let hello = ByteBuffer(string: "Hello")
        #expect(EncodedFrame(text: hello).bytes == ByteBuffer(bytes: [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]))
        #expect(
            ByteBuffer.maskedFrame(opcode: .text, payload: hello, key: [0x37, 0xFA, 0x21, 0x3D])
                == ByteBuffer(bytes: [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
        )
    }

    @Test func errorOfTheBuilderIsPassedOn() {
        struct Stop: Error {}
        #expect(throws: Stop.self) { _ = try EncodedFrame { _ in throw Stop() } }
    }
}
