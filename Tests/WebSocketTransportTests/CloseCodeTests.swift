import NIOCore
import Testing

@testable import WebSocketTransport

struct CloseCodeTests {
    @Test(arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1014, 3000, 4008, 4999] as [UInt16])
    func codeThatMayBeSent(code: UInt16) throws {
        let parsed = try CloseCode.parse(ByteBuffer(integer: code))
        #expect(parsed.code == code)
        #expect(parsed.reason == "")
    }

    @Test(arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535] as [UInt16])
    func codeThatMustNotBeSent(code: UInt16) {
        #expect(throws: ProtocolViolation.protocolError("close code \(code)")) {
            _ = try CloseCode.parse(ByteBuffer(integer: code))
        }
    }

    @Test func emptyPayloadHasNoCode() throws {
        #expect(try CloseCode.parse(ByteBuffer()).code == nil)
    }

    @Test func oneByteIsNoCode() {
        #expect(throws: ProtocolViolation.self) { _ = try CloseCode.parse(ByteBuffer(bytes: [3])) }
    }

    @Test func reasonMustBeUTF8() {
        #expect(throws: ProtocolViolation.notUTF8) { _ = try CloseCode.parse(ByteBuffer(bytes: [0x03, 0xE8, 0xFF])) }
    }

    @Test func longReasonIsCutAtACharacter() throws {
        let payload = CloseCode.payload(code: 1000, reason: String(repeating: "ü", count: 100))
        #expect(payload.readableBytes == 124)
        #expect(try CloseCode.parse(payload).reason == String(repeating: "ü", count: 61))
    }
}
