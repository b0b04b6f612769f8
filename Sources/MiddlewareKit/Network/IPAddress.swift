/// An IPv4 or IPv6 address.
public struct IPAddress: Sendable, Hashable {
    /// How many bits an address has.
    public enum Version: Int, Sendable { case v4 = 32, v6 = 128 }

    public let version: Version
    /// The address as a number; of IPv4 the lowest 32 bits.
    public let bits: UInt128

    public init(version: Version, bits: UInt128) {
        self.version = version
        self.bits = bits
    }

    /// Nil unless the text is four decimal numbers without leading zeros, or IPv6 as in RFC 4291 section 2.2, without zone.
    ///
    /// Other ways to write IPv4, such as `127.1` or `0x7f000001`, are refused: programs do not agree on what they mean.
    public init?(_ text: String) {
        if let bits = Self.ipv4(Substring(text)) {
            self.init(version: .v4, bits: UInt128(bits))
        } else if let bits = Self.ipv6(text) {
            self.init(version: .v6, bits: bits)
        } else {
            return nil
        }
    }

    /// As a socket tells its peer's: a link-local address may name its interface behind a `%`.
    package init?(peer text: String) {
        if let address = IPAddress(text) {
            self = address
        } else if let zone = text.firstIndex(of: "%"), let address = IPAddress(String(text[..<zone])) {
            self = address
        } else {
            return nil
        }
    }

    /// An IPv4 address also as IPv6, `::ffff:a.b.c.d` (RFC 4291, 2.5.5.2), and the other way round; nil for all others.
    var otherForm: IPAddress? {
        switch version {
        case .v4: IPAddress(version: .v6, bits: 0xFFFF << 32 | bits)
        case .v6 where bits >> 32 == 0xFFFF: IPAddress(version: .v4, bits: bits & 0xFFFF_FFFF)
        case .v6: nil
        }
    }

    /// Conditions ask for it with each message, so it makes nothing on the way.
    private static func ipv4(_ text: Substring) -> UInt32? {
        var (bits, number, digits, dots): (UInt32, UInt32, Int, Int) = (0, 0, 0, 0)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard digits == 0 || number > 0 else { return nil }
                (number, digits) = (number * 10 + UInt32(byte - UInt8(ascii: "0")), digits + 1)
                guard number <= 255 else { return nil }
            case UInt8(ascii: ".") where digits > 0 && dots < 3:
                (bits, number, digits, dots) = (bits << 8 | number, 0, 0, dots + 1)
            default:
                return nil
            }
        }
        return digits > 0 && dots == 3 ? bits << 8 | number : nil
    }

    private static func ipv6(_ text: String) -> UInt128? {
        guard let gap = text.firstRange(of: "::") else {
            guard let groups = groups(Substring(text)), groups.count == 8 else { return nil }
            return bits(groups)
        }
        guard let head = groups(text[..<gap.lowerBound], isEnd: false),
            let tail = groups(text[gap.upperBound...]),
            head.count + tail.count < 8
        else { return nil }
        return bits(head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail)
    }

    /// The 16-bit numbers between the colons. At the end of an address there may be an IPv4 address, which is two of them.
    private static func groups(_ text: Substring, isEnd: Bool = true) -> [UInt16]? {
        if text.isEmpty { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isEnd, index == parts.count - 1, let ipv4 = ipv4(part) {
                groups += [UInt16(truncatingIfNeeded: ipv4 >> 16), UInt16(truncatingIfNeeded: ipv4)]
            } else {
                guard part.utf8.count <= 4, !part.utf8.contains(where: { "+-".utf8.contains($0) }),
                    let number = UInt16(part, radix: 16)
                else { return nil }
                groups.append(number)
            }
        }
        return groups
    }

    private static func bits(_ groups: [UInt16]) -> UInt128 { groups.reduce(0) { $0 << 16 | UInt128($1) } }
}

/// The addresses that begin with the same bits, such as `10.0.0.0/8` or `fd00::/8`; `192.0.2.1` is a network of one.
public struct IPNetwork: OptionValue, Hashable {
    private let base: IPAddress
    private let prefix: Int

    /// Nil unless the text is an address, with the number of its fixed bits behind a slash.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        var prefix = address.version.rawValue
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(parts[1]),
                (0...prefix).contains(number)
            else { return nil }
            prefix = number
        }
        base = address
        self.prefix = prefix
    }

    /// For networks that stand in the source.
    init(_ version: IPAddress.Version, _ bits: UInt128, _ prefix: Int) {
        base = IPAddress(version: version, bits: bits)
        self.prefix = prefix
    }

    public func contains(_ address: IPAddress) -> Bool {
        address.version == base.version && (address.bits ^ base.bits) >> (base.version.rawValue - prefix) == 0
    }

    /// Whether it contains an address in either of its forms: an IPv4 address may come as IPv6.
    func covers(_ address: IPAddress) -> Bool {
        contains(address) || (address.otherForm.map(contains) ?? false)
    }

    public static var optionType: OptionType { .string }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> IPNetwork? {
        guard let network = node.scalar.flatMap(IPNetwork.init) else {
            let isSplit = if case .mapping = node.content { true } else { false }
            node.report(
                expected: "a network such as 10.0.0.0/8, or one address",
                hint: isSplit ? "put quotes around an IPv6 address" : nil, findings: &findings)
            return nil
        }
        return network
    }

    public var optionText: String { "\(base)/\(prefix)".optionText }
}

extension IPAddress: CustomStringConvertible {
    /// IPv6 with all of its eight numbers.
    public var description: String {
        switch version {
        case .v4:
            stride(from: 24, through: 0, by: -8).map { "\(UInt8(truncatingIfNeeded: bits >> $0))" }
                .joined(separator: ".")
        case .v6:
            stride(from: 112, through: 0, by: -16)
                .map { String(UInt16(truncatingIfNeeded: bits >> $0), radix: 16) }.joined(separator: ":")
        }
    }
}
