/// A set of bytes.
struct ByteSet: Sendable, Hashable {
    private var words: SIMD4<UInt64> = .zero

    init(_ range: ClosedRange<UInt8>) { for byte in range { insert(byte) } }
    init() {}

    mutating func insert(_ byte: UInt8) { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }
    func contains(_ byte: UInt8) -> Bool { words[Int(byte >> 6)] & (1 << UInt64(byte & 63)) != 0 }
    mutating func formUnion(_ other: ByteSet) { words |= other.words }
    var isEmpty: Bool { words == .zero }
    /// Of the ASCII characters, those that are not in the set.
    var asciiComplement: ByteSet {
        var set = ByteSet()
        set.words = SIMD4(~words[0], ~words[1], 0, 0)
        return set
    }
}

/// A set of characters, as a part of a regular expression over the bytes of UTF-8.
struct CharacterSet {
    /// How many characters beyond ASCII a set may list.
    private static let otherLimit = 64

    private var ascii = ByteSet()
    private var others: Set<Unicode.Scalar> = []
    /// Every character beyond ASCII is in the set.
    private var hasAllOthers = false
    private let isNegated: Bool
    private(set) var isExpressible = true

    init(ranges: [ClosedRange<Unicode.Scalar>] = [], isNegated: Bool = false, ignoresCase: Bool = false) {
        self.isNegated = isNegated
        for range in ranges {
            for value in range.lowerBound.value...min(range.upperBound.value, range.lowerBound.value + 256) {
                guard let scalar = Unicode.Scalar(value) else { continue }
                insert(scalar)
                guard ignoresCase else { continue }
                for text in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping]
                where text.unicodeScalars.count == 1 {
                    text.unicodeScalars.forEach { insert($0) }
                }
            }
            if range.upperBound.value > range.lowerBound.value + 256 { isExpressible = false }
        }
    }

    private mutating func insert(_ scalar: Unicode.Scalar) {
        if scalar.isASCII { ascii.insert(UInt8(scalar.value)) } else { others.insert(scalar) }
        if others.count > Self.otherLimit || (isNegated && !others.isEmpty) { isExpressible = false }
    }

    /// What the other set stands for is in this one too.
    mutating func add(_ other: CharacterSet) {
        ascii.formUnion(other.isNegated ? other.ascii.asciiComplement : other.ascii)
        hasAllOthers = hasAllOthers || other.hasAllOthers || other.isNegated
        for scalar in other.others { insert(scalar) }
        isExpressible = isExpressible && other.isExpressible
    }

    var node: PatternNode {
        var choices: [PatternNode] = []
        let single = isNegated ? ascii.asciiComplement : ascii
        if !single.isEmpty { choices.append(.bytes(single)) }
        if hasAllOthers != isNegated {
            choices += Self.allOthers
        } else {
            choices += others.sorted().map { scalar in
                .sequence(UTF8.encode(scalar).map { Array($0) }?.map { .bytes(ByteSet($0...$0)) } ?? [])
            }
        }
        // The empty set matches nothing.
        return choices.count == 1 ? choices[0] : choices.isEmpty ? .bytes(ByteSet()) : .choice(choices)
    }

    /// Strings are valid UTF-8, so the first byte tells how many follow.
    private static let allOthers: [PatternNode] = [
        (UInt8(0xC0)...0xDF, 1), (0xE0...0xEF, 2), (0xF0...0xF7, 3),
    ].map { lead, count in
        .sequence([.bytes(ByteSet(lead))] + Array(repeating: .bytes(ByteSet(0x80...0xBF)), count: count))
    }
}
