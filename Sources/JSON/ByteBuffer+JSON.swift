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
            let bytes = UnsafeRawBufferPointer(utf8)
            // Plain stretches are copied whole; most texts are one stretch.
            var start = 0
            for (position, byte) in bytes.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5C {
                writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start..<position]))
                start = position + 1
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
            writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)
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
