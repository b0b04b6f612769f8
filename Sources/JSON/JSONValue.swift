import CSimdjson
package import NIOCore

/// A parsed JSON document, for everything that is not on the streaming path.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Parses the readable bytes, which must hold exactly one document.
    /// Nesting deeper than 256 levels is refused; escaped lone surrogates become U+FFFD.
    package init(parsing bytes: ByteBuffer) throws(JSONError) {
        self = try bytes.withUnsafeReadableBytes(JSONValue.parse).get()
    }

    /// Parses a text that must hold exactly one document.
    package init(parsing text: String) throws(JSONError) {
        var text = text
        self = try text.withUTF8 { JSONValue.parse(UnsafeRawBufferPointer($0)) }.get()
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> Result<JSONValue, JSONError> {
        guard let base = bytes.bindMemory(to: UInt8.self).baseAddress, !bytes.isEmpty else {
            return .failure(JSONError(message: "the document is empty"))
        }
        var tape: UnsafePointer<UInt64>?
        var strings: UnsafePointer<UInt8>?
        let error = sluice_json_parse(base, bytes.count, &tape, &strings)
        defer { sluice_json_release() }
        guard error == 0, let tape, let strings else {
            return .failure(JSONError(message: String(cString: sluice_json_error_text(error))))
        }
        var reader = TapeReader(tape: tape, strings: strings)
        return .success(reader.value())
    }
}

/// Why a document could not be read, in simdjson's words.
package struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(message: String) { self.message = message }

    package var description: String { message }
}

/// Walks simdjson's tape: 64-bit words with the type in the top byte and 56 bits of payload.
///
/// The pointers belong to the parser of this thread and are valid while the reader is in use, which ends inside
/// `JSONValue.parse`. The format is described in simdjson's `doc/tape.md`.
private struct TapeReader {
    let tape: UnsafePointer<UInt64>
    let strings: UnsafePointer<UInt8>
    /// Word 0 is the root.
    var position = 1

    /// Recursion is bounded by the parser's depth limit.
    mutating func value() -> JSONValue {
        let word = tape[position]
        position += 1
        switch UInt8(truncatingIfNeeded: word >> 56) {
        case UInt8(ascii: "{"):
            var members = JSONObject()
            members.reserveCapacity(count(at: word))
            while UInt8(truncatingIfNeeded: tape[position] >> 56) != UInt8(ascii: "}") {
                let key = string(at: tape[position])
                position += 1
                members.append(key, value())
            }
            position += 1
            return .object(members)
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            elements.reserveCapacity(count(at: word))
            while UInt8(truncatingIfNeeded: tape[position] >> 56) != UInt8(ascii: "]") {
                elements.append(value())
            }
            position += 1
            return .array(elements)
        case UInt8(ascii: "\""):
            return .string(string(at: word))
        case UInt8(ascii: "l"):
            position += 1
            return .integer(Int64(bitPattern: tape[position - 1]))
        case UInt8(ascii: "u"):
            position += 1
            return .number(Double(tape[position - 1]))
        case UInt8(ascii: "d"):
            position += 1
            return .number(Double(bitPattern: tape[position - 1]))
        case UInt8(ascii: "t"):
            return .bool(true)
        case UInt8(ascii: "f"):
            return .bool(false)
        default:
            return .null
        }
    }

    /// How many members or elements follow, in the upper 24 bits of the payload. More than that holds are told as the highest number.
    private func count(at word: UInt64) -> Int { Int(word >> 32 & 0xFF_FFFF) }

    /// A string's payload is the offset of its length (32 bits) in the string buffer; its UTF-8 bytes follow.
    private func string(at word: UInt64) -> String {
        let start = strings + Int(word & 0x00FF_FFFF_FFFF_FFFF)
        let length = UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)
        return String(decoding: UnsafeBufferPointer(start: start + 4, count: Int(length)), as: UTF8.self)
    }
}
