/// Writes numbers that are not negative in as few bytes as they need (LEB128: seven bits a byte, lowest first).
struct NumberWriter {
    var bytes: [UInt8] = []

    /// No number is above 2^55: nothing real is, and what is read back can be added up without care.
    mutating func write(_ number: Int) {
        var rest = UInt64(min(max(0, number), 1 << 55))
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func write(_ text: String) {
        write(text.utf8.count)
        bytes.append(contentsOf: text.utf8)
    }

    /// How many there are, then how much each is above the one before it.
    mutating func writeRising(_ numbers: [Int]) {
        write(numbers.count)
        var last = 0
        for number in numbers {
            write(number - last)
            last = number
        }
    }
}

/// Reads what ``NumberWriter`` wrote. Never reads past the end, and never makes more than the bytes can hold.
package struct NumberReader {
    /// The bytes are not what a writer made.
    package struct Malformed: Error {
        init() {}
    }

    private let bytes: UnsafeRawBufferPointer
    private var index = 0

    /// - Parameter bytes: Must stay valid for as long as the reader is used.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func byte() throws -> UInt8 {
        guard index < bytes.count else { throw Malformed() }
        defer { index += 1 }
        return bytes[index]
    }

    /// At most 56 bits.
    @inline(__always)
    mutating func number() throws -> Int {
        // Most numbers are small.
        if index < bytes.count, bytes[index] < 0x80 {
            defer { index += 1 }
            return Int(bytes[index])
        }
        return try longNumber()
    }

    private mutating func longNumber() throws -> Int {
        var result = 0
        var shift = 0
        while true {
            let byte = try byte()
            result |= Int(byte & 0x7F) << shift
            if byte < 0x80 { return result }
            shift += 7
            guard shift < 56 else { throw Malformed() }
        }
    }

    mutating func bytes(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard count <= bytes.count - index else { throw Malformed() }
        defer { index += count }
        return UnsafeRawBufferPointer(rebasing: bytes[index..<(index + count)])
    }

    mutating func text() throws -> String { String(decoding: try bytes(number()), as: UTF8.self) }
}
