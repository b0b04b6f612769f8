package import NIOCore

extension ByteBuffer {
    /// Writes a value without white space. Numbers that JSON cannot say (infinite, not a number) are written as null.
    package mutating func writeJSON(_ value: JSONValue) {
        switch value {
        case .null: writeStaticString("null")
        case .bool(let value): writeString(value ? "true" : "false")
        case .integer(let value): writeString(String(value))
        case .number(let value): writeString(value.isFinite ? "\(value)" : "null")
        case .string(let value): writeJSONString(value)
        case .array(let elements):
            writeInteger(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                if position > 0 { writeInteger(UInt8(ascii: ",")) }
                writeJSON(element)
            }
            writeInteger(UInt8(ascii: "]"))
        case .object(let members):
            writeInteger(UInt8(ascii: "{"))
            for (position, (key, element)) in members.enumerated() {
                if position > 0 { writeInteger(UInt8(ascii: ",")) }
                writeJSONString(key)
                writeInteger(UInt8(ascii: ":"))
                writeJSON(element)
            }
            writeInteger(UInt8(ascii: "}"))
        }
    }

    /// Writes a string with its quotes.
    package mutating func writeJSONString(_ text: String) {
        writeInteger(UInt8(ascii: "\""))
        writeJSONEscaped(text)
        writeInteger(UInt8(ascii: "\""))
    }

    /// Writes what stands between the quotes of a JSON string.
    package mutating func writeJSONEscaped(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            // Where the string has them, as each piece of a reply comes by: not copied first, and used in this closure only.
            let bytes = UnsafeRawBufferPointer(utf8)
            var start = 0
            // Plain stretches are copied whole; most texts are one stretch.
            while start < bytes.count {
                let end = bytes.firstToEscape(from: start)
                // A part of the same bytes: it makes no copy, and lasts no longer than this line.
                writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                if end < bytes.count { writeEscape(of: bytes[end]) }
                start = end + 1
            }
        }
    }

    private mutating func writeEscape(of byte: UInt8) {
        switch byte {
        case 0x22: writeStaticString("\\\"")
        case 0x5C: writeStaticString("\\\\")
        case 0x0A: writeStaticString("\\n")
        case 0x0D: writeStaticString("\\r")
        case 0x09: writeStaticString("\\t")
        default:
            writeStaticString("\\u00")
            writeInteger(Self.hexDigits[Int(byte >> 4)])
            writeInteger(Self.hexDigits[Int(byte & 15)])
        }
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)
}

// On the bytes themselves, because a collection of them cannot be read eight at a time. JSONEscapingTests tries it at all offsets.
extension UnsafeRawBufferPointer {
    /// - Returns: Where the first byte is that a JSON string cannot hold as it is (RFC 8259 section 7), or the end.
    fileprivate func firstToEscape(from start: Int) -> Int {
        var position = start
        // Eight at a time, as each piece of a reply and each message is looked through.
        while position + 8 <= count {
            let word = loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let isPlain = !word.hasByte(below: 0x20) && !word.hasByte(0x22) && !word.hasByte(0x5C)
            guard isPlain else { break }
            position += 8
        }
        while position < count {
            let byte = self[position]
            if byte < 0x20 || byte == 0x22 || byte == 0x5C { break }
            position += 1
        }
        return position
    }
}

extension UInt64 {
    private static let lowBits: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// Whether one of the eight bytes is below `limit`, which is at most 128 (Sean Eron Anderson, Bit Twiddling Hacks, `hasless`).
    fileprivate func hasByte(below limit: UInt8) -> Bool {
        (self &- Self.lowBits &* UInt64(limit)) & ~self & Self.highBits != 0
    }

    fileprivate func hasByte(_ byte: UInt8) -> Bool { (self ^ Self.lowBits &* UInt64(byte)).hasByte(below: 1) }
}

extension JSONValue {
    /// The value as JSON text without white space.
    package func encoded() -> String {
        // Most texts fit, so that the buffer does not have to grow step by step.
        var buffer = ByteBufferAllocator().buffer(capacity: 1024)
        buffer.writeJSON(self)
        return String(buffer: buffer)
    }
}
