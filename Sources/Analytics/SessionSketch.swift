import Foundation

/// How many different sessions there were, without their names: linear counting (Whang, Vander-Zanden, Taylor, "A linear-time
/// probabilistic counting algorithm", 1990). Each session sets one bit of 16,384; the bits that are still 0 tell how many
/// sessions there were, within a few percent up to some 50,000. Sketches of several minutes are joined by "or".
package struct SessionSketch: Sendable, Equatable {
    static let bits = 16_384

    /// Empty until the first session.
    private var words: [UInt64] = []

    package init() {}

    package mutating func insert(_ hash: UInt64) { insert(position: Int(hash % UInt64(Self.bits))) }

    mutating func insert(position: Int) {
        if words.isEmpty { words = Array(repeating: 0, count: Self.bits / 64) }
        words[position >> 6] |= 1 << UInt64(position & 63)
    }

    package mutating func add(_ other: SessionSketch) {
        guard !words.isEmpty else { return words = other.words }
        for index in other.words.indices { words[index] |= other.words[index] }
    }

    /// The set bits in rising order.
    var positions: [Int] {
        var positions: [Int] = []
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                positions.append(index << 6 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return positions
    }

    /// The set bits as they are, lowest first; empty when none is set.
    var rawBytes: [UInt8] { words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } } }

    /// - Parameter bytes: What `rawBytes` gave of another sketch that is not empty.
    mutating func add(rawBytes bytes: UnsafeRawBufferPointer) {
        if words.isEmpty { words = Array(repeating: 0, count: Self.bits / 64) }
        for index in words.indices {
            words[index] |= UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
        }
    }

    package var estimate: Int {
        let set = words.reduce(0) { $0 + $1.nonzeroBitCount }
        // When all bits are set nothing can be told but "very many".
        let zeros = Double(max(1, Self.bits - set))
        return Int((Double(Self.bits) * log(Double(Self.bits) / zeros)).rounded())
    }
}
