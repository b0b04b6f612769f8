/// The content of a JSON string as it stands between the quotes, with its escapes.
///
/// The pointers that come in here belong to the caller and are not kept. The bytes are UTF-8 that simdjson has checked;
/// its on-demand parser does not check escapes, that happens here.
enum EscapedText {
    /// The text, or nil when an escape is wrong. Lone surrogates, which JavaScript can produce, become U+FFFD.
    static func unescape(_ raw: UnsafeRawBufferPointer) -> String? {
        guard raw.contains(backslash) else { return String(decoding: raw, as: UTF8.self) }
        var isValid = true
        // No escape is shorter than what it stands for.
        let text = String(unsafeUninitializedCapacity: raw.count) { output in
            var writer = Writer(output: output)
            isValid = unescape(raw, into: &writer)
            return writer.count
        }
        return isValid ? text : nil
    }

    /// How many bytes there are before an escaped high surrogate at the very end.
    ///
    /// A gateway that cuts a text between the two halves of a character sends the other half with the next piece.
    static func countWithoutOpenSurrogate(_ raw: UnsafeRawBufferPointer) -> Int {
        let start = raw.count - 6
        guard start >= 0, let unit = codeUnit(raw, at: start), isHighSurrogate(unit) else { return raw.count }
        // An odd number of backslashes before it means that its own backslash is an escaped one.
        var before = start
        while before > 0, raw[before - 1] == backslash { before -= 1 }
        return (start - before).isMultiple(of: 2) ? start : raw.count
    }

    private static let backslash = UInt8(ascii: "\\")

    private static func unescape(_ raw: UnsafeRawBufferPointer, into writer: inout Writer) -> Bool {
        var position = 0
        while position < raw.count {
            let byte = raw[position]
            guard byte == backslash else {
                writer.write(byte)
                position += 1
                continue
            }
            guard position + 1 < raw.count else { return false }
            if raw[position + 1] != UInt8(ascii: "u") {
                guard let plain = simpleEscape(raw[position + 1]) else { return false }
                writer.write(plain)
                position += 2
                continue
            }
            guard let unit = codeUnit(raw, at: position) else { return false }
            position += 6
            if isHighSurrogate(unit), let low = codeUnit(raw, at: position), (0xDC00...0xDFFF).contains(low) {
                writer.write(scalar: 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
                position += 6
            } else {
                writer.write(scalar: (0xD800...0xDFFF).contains(unit) ? 0xFFFD : unit)
            }
        }
        return true
    }

    private static func simpleEscape(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        default: nil
        }
    }

    private static func isHighSurrogate(_ unit: UInt32) -> Bool { (0xD800...0xDBFF).contains(unit) }

    /// The UTF-16 code unit of the `\uXXXX` that begins at `start`, or nil when there is none.
    private static func codeUnit(_ raw: UnsafeRawBufferPointer, at start: Int) -> UInt32? {
        guard start + 6 <= raw.count, raw[start] == backslash, raw[start + 1] == UInt8(ascii: "u") else { return nil }
        var unit: UInt32 = 0
        for index in start + 2..<start + 6 {
            guard let digit = Character(Unicode.Scalar(raw[index])).hexDigitValue, raw[index] < 0x80 else { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    private struct Writer {
        let output: UnsafeMutableBufferPointer<UInt8>
        var count = 0

        mutating func write(_ byte: UInt8) {
            output[count] = byte
            count += 1
        }

        /// A scalar value; never a surrogate.
        mutating func write(scalar: UInt32) {
            switch scalar {
            case ..<0x80:
                write(UInt8(scalar))
            case ..<0x800:
                write(UInt8(0xC0 | scalar >> 6))
                write(UInt8(0x80 | scalar & 0x3F))
            case ..<0x10000:
                write(UInt8(0xE0 | scalar >> 12))
                write(UInt8(0x80 | scalar >> 6 & 0x3F))
                write(UInt8(0x80 | scalar & 0x3F))
            default:
                write(UInt8(0xF0 | scalar >> 18))
                write(UInt8(0x80 | scalar >> 12 & 0x3F))
                write(UInt8(0x80 | scalar >> 6 & 0x3F))
                write(UInt8(0x80 | scalar & 0x3F))
            }
        }
    }
}
