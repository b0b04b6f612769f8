import NIOCore
import NIOWebSocket
import Testing

@testable import WebSocketTransport

struct MessageAssemblerTests {
    private func frame(_ opcode: WebSocketOpcode, _ text: String, fin: Bool = true) -> WebSocketFrame {
        WebSocketFrame(fin: fin, opcode: opcode, data: ByteBuffer(string: text))
    }

    @Test func unfragmentedMessageIsNotCopied() throws {
        var assembler = MessageAssembler(role: .client, options: WebSocketOptions())
        let payload = ByteBuffer(string: "hello")
        let event = try assembler.accept(WebSocketFrame(fin: true, opcode: .text, data: payload))
        guard case .message(.text(let text)) = event else { throw SentFrame.Malformed() }
        let addresses = [payload, text].map { buffer in
            // Only the addresses are compared; nothing is read through them.
            buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        }
        #expect(addresses[0] == addresses[1])
    }

    @Test func fragmentsWithControlFramesBetween() throws {
        var assembler = MessageAssembler(role: .client, options: WebSocketOptions())
        #expect(try assembler.accept(frame(.text, "a", fin: false)) == .fragment)
        #expect(try assembler.accept(frame(.ping, "p")) == .ping(ByteBuffer(string: "p")))
        #expect(try assembler.accept(frame(.continuation, "b", fin: false)) == .fragment)
        #expect(try assembler.accept(frame(.pong, "")) == .pong)
        #expect(try assembler.accept(frame(.continuation, "c")) == .message(.text(ByteBuffer(string: "abc"))))
        #expect(try assembler.accept(frame(.binary, "d")) == .message(.binary(ByteBuffer(string: "d"))))
    }

    @Test func characterSplitOverFragments() throws {
        var assembler = MessageAssembler(role: .client, options: WebSocketOptions())
        let bytes = Array("é".utf8)
        let first = WebSocketFrame(fin: false, opcode: .text, data: ByteBuffer(bytes: bytes[..<1]))
        let second = WebSocketFrame(fin: true, opcode: .continuation, data: ByteBuffer(bytes: bytes[1...]))
        _ = try assembler.accept(first)
        #expect(try assembler.accept(second) == .message(.text(ByteBuffer(string: "é"))))
    }

    @Test func maskedFragmentsAreUnmaskedEachWithItsKey() throws {
        var assembler = MessageAssembler(role: .server, options: WebSocketOptions())
        func masked(_ opcode: WebSocketOpcode, _ text: String, _ key: WebSocketMaskingKey, fin: Bool) -> WebSocketFrame
        {
            var data = ByteBuffer(string: text)
            data.webSocketMask(key)
            return WebSocketFrame(fin: fin, opcode: opcode, maskKey: key, data: data)
        }
        _ = try assembler.accept(masked(.text, "hello ", [1, 2, 3, 4], fin: false))
        let event = try assembler.accept(masked(.continuation, "world", [9, 8, 7, 6], fin: true))
        #expect(event == .message(.text(ByteBuffer(string: "hello world"))))
    }

    @Test func limitCountsAllFragments() throws {
        var options = WebSocketOptions()
        options.maxMessageBytes = 4
        var assembler = MessageAssembler(role: .client, options: options)
        #expect(try assembler.accept(frame(.text, "1234")) == .message(.text(ByteBuffer(string: "1234"))))
        _ = try assembler.accept(frame(.text, "123", fin: false))
        #expect(throws: ProtocolViolation.tooLarge) { try assembler.accept(frame(.continuation, "45")) }
    }

    @Test func tooManyFragments() throws {
        var options = WebSocketOptions()
        options.maxFragments = 2
        var assembler = MessageAssembler(role: .client, options: options)
        _ = try assembler.accept(frame(.text, "", fin: false))
        _ = try assembler.accept(frame(.continuation, "", fin: false))
        let error = #expect(throws: ProtocolViolation.self) { try assembler.accept(frame(.continuation, "")) }
        #expect(error?.code == 1009)
    }

    @Test func validationCanBeLeftToTheParser() throws {
        var options = WebSocketOptions()
        options.validatesUTF8 = false
        var assembler = MessageAssembler(role: .client, options: options)
        let bytes = ByteBuffer(bytes: [0xFF])
        #expect(try assembler.accept(WebSocketFrame(fin: true, opcode: .text, data: bytes)) == .message(.text(bytes)))
    }
}
