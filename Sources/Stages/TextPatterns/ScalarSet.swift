/// A set of Unicode scalars, as `[a-z_]`, `\d` or `.` write it.
struct ScalarSet: Sendable {
    /// The sets that have a letter of their own: `\w`, `\d`, `\s`.
    enum Named: Sendable { case word, digit, space }

    /// What the set is made of.
    struct Parts: Sendable {
        var ranges: [ClosedRange<UInt32>] = []
        var named: [(name: Named, isNegated: Bool)] = []
        var isNegated = false
    }

    private let parts: Parts
    private let ignoresCase: Bool
    /// The answers for ASCII, worked out in advance.
    private let ascii: [Bool]

    init(_ parts: Parts, ignoresCase: Bool) {
        self.parts = parts
        self.ignoresCase = ignoresCase
        ascii = (UInt8(0)..<128).map { Self.decide(Unicode.Scalar($0), parts, ignoresCase) }
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII ? ascii[Int(scalar.value)] : Self.decide(scalar, parts, ignoresCase)
    }

    private static func decide(_ scalar: Unicode.Scalar, _ parts: Parts, _ ignoresCase: Bool) -> Bool {
        let spellings = ignoresCase ? scalar.cases : [scalar]
        return spellings.contains { holds(parts, $0) } != parts.isNegated
    }

    private static func holds(_ parts: Parts, _ scalar: Unicode.Scalar) -> Bool {
        parts.ranges.contains { $0.contains(scalar.value) }
            || parts.named.contains { named in
                switch named.name {
                case .word: scalar.isPartOfWord != named.isNegated
                case .digit: scalar.isDigit != named.isNegated
                case .space: scalar.properties.isWhitespace != named.isNegated
                }
            }
    }
}

extension Unicode.Scalar {
    /// Letters, their marks, digits, and `_`.
    var isPartOfWord: Bool {
        switch value {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
        case 0..<128: false
        default:
            properties.isAlphabetic || properties.numericType != nil
                || properties.canonicalCombiningClass != .notReordered
        }
    }

    var isDigit: Bool {
        isASCII ? (0x30...0x39).contains(value) : properties.generalCategory == .decimalNumber
    }

    /// In lower case, where that is a single scalar.
    var folded: Unicode.Scalar {
        if isASCII { return (0x41...0x5A).contains(value) ? Unicode.Scalar(UInt8(value) | 0x20) : self }
        let lower = properties.lowercaseMapping.unicodeScalars
        return lower.count == 1 ? lower[lower.startIndex] : self
    }

    /// The scalar in the cases that it has.
    fileprivate var cases: [Unicode.Scalar] {
        let upper = properties.uppercaseMapping.unicodeScalars
        return [self, folded] + (upper.count == 1 ? Array(upper) : [])
    }
}
