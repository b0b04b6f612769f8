import NIOCore
import Testing

@testable import WebSocketTransport

struct ByteBufferUTF8Tests {
    @Test(arguments: ["", "plain ASCII text that is longer than a word", "grüße", "日本語", "🦀", "a\u{0}b"])
    func text(_ text: String) {
        #expect(ByteBuffer(string: text).isValidUTF8)
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80],
            Array(repeating: 0x61, count: 64) + [0xFF],
        ] as [[UInt8]])
    func noText(_ bytes: [UInt8]) {
        #expect(!ByteBuffer(bytes: bytes).isValidUTF8)
    }

    @Test func looksAtReadableBytesOnly() {
        var buffer = ByteBuffer(bytes: [0xFF, 0x61])
        buffer.moveReaderIndex(forwardBy: 1)
        #expect(buffer.isValidUTF8)
    }
}
