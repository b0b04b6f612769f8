import NIOCore
import Testing

@testable import OpenClawTesting

struct BrokenFrameTests {
    @Test func fragmentsBeginContinueAndEnd() {
        let frames = BrokenFrame.fragments(of: ByteBuffer(string: "abcde"), pieceBytes: 2)
        let bytes: [UInt8] = [0x01, 2, 0x61, 0x62, 0x00, 2, 0x63, 0x64, 0x80, 1, 0x65]
        #expect(frames == ByteBuffer(bytes: bytes))
    }

    @Test func aShortMessageIsOneFrame() {
        #expect(
            BrokenFrame.fragments(of: ByteBuffer(string: "ab"), pieceBytes: 2)
                == ByteBuffer(bytes: [0x81, 2, 0x61, 0x62])
        )
        #expect(BrokenFrame.fragments(of: ByteBuffer(), pieceBytes: 2) == ByteBuffer(bytes: [0x81, 0]))
    }
}
