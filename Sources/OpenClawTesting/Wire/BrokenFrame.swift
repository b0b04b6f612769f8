import NIOCore

/// Frames that a well-behaved server never sends, as bytes (RFC 6455 section 5.2).
enum BrokenFrame {
    /// The header promises 100 bytes of text, but only ten follow.
    static let half = ByteBuffer(bytes: [0x81, 100] + Array(#"{"type":"e"#.utf8))

    static let binary = ByteBuffer(bytes: [0x82, 2] + Array("{}".utf8))

    /// 0xFF never occurs in UTF-8.
    static let notUTF8 = ByteBuffer(bytes: [0x81, 4, 0x22, 0xFF, 0xFE, 0x22])

    /// A message as one text frame and continuation frames (section 5.4).
    ///
    /// - Parameter pieceBytes: The payload of each frame; at least 1, at most 125.
    static func fragments(of text: ByteBuffer, pieceBytes: Int) -> ByteBuffer {
        var text = text
        var frames = ByteBuffer()
        var opcode: UInt8 = 0x01
        repeat {
            let length = min(text.readableBytes, max(1, min(pieceBytes, 125)))
            let isLast = length == text.readableBytes
            frames.writeInteger(opcode | (isLast ? 0x80 : 0))
            frames.writeInteger(UInt8(length))
            if var piece = text.readSlice(length: length) { frames.writeBuffer(&piece) }
            opcode = 0x00
        } while text.readableBytes > 0
        return frames
    }
}
