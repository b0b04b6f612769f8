/// An IP address: 128 bits, where the IPv4 addresses are `::ffff:a.b.c.d` (RFC 4291, 2.5.5.2).
struct Address: Sendable, Hashable {
    let high: UInt64
    let low: UInt64

    init?(_ text: String) {
        // A link-local address may name its interface.
        let text = text.prefix { $0 != "%" }
        if !text.contains(":") {
            guard let number = Self.number(ipv4: text) else { return nil }
            (high, low) = (0, 0xFFFF_0000_0000 | number)
            return
        }
        let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        guard halves.count <= 2, let head = Self.words(halves[0]),
            let tail = Self.words(halves.count == 2 ? halves[1] : "")
        else { return nil }
        let missing = 8 - head.count - tail.count
        guard halves.count == 2 ? missing > 0 : missing == 0 else { return nil }
        let words = head + Array(repeating: 0, count: missing) + tail
        high = words[..<4].reduce(0) { $0 << 16 | $1 }
        low = words[4...].reduce(0) { $0 << 16 | $1 }
    }

    private static func number(ipv4 text: Substring) -> UInt64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { $0.utf8.allSatisfy { (48...57).contains($0) } ? UInt8($0) : nil }
        guard parts.count == 4, numbers.count == 4 else { return nil }
        return numbers.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The 16-bit words of a part of an IPv6 address, which may end with an IPv4 address.
    private static func words(_ text: Substring) -> [UInt64]? {
        var words: [UInt64] = []
        guard !text.isEmpty else { return words }
        for part in text.split(separator: ":", omittingEmptySubsequences: false) {
            if part.contains("."), part.endIndex == text.endIndex, let number = number(ipv4: part) {
                words += [number >> 16, number & 0xFFFF]
            } else if (1...4).contains(part.utf8.count), part.allSatisfy(\.isHexDigit),
                let word = UInt64(part, radix: 16)
            {
                words.append(word)
            } else {
                return nil
            }
        }
        return words
    }
}

/// An address such as `192.168.1.5`, or a network such as `10.0.0.0/8`.
struct AddressRange: Sendable, Hashable {
    private let base: Address
    private let maskHigh: UInt64
    private let maskLow: UInt64

    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let base = Address(String(parts[0])) else { return nil }
        var bits = 128
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let prefix = Int(parts[1]) else { return nil }
            let offset = parts[0].contains(":") ? 0 : 96
            guard prefix <= 128 - offset else { return nil }
            bits = offset + prefix
        }
        self.base = base
        maskHigh = bits >= 64 ? .max : ~(UInt64.max >> bits)
        maskLow = bits <= 64 ? 0 : ~(bits == 128 ? 0 : UInt64.max >> (bits - 64))
    }

    func contains(_ address: Address) -> Bool {
        (address.high ^ base.high) & maskHigh == 0 && (address.low ^ base.low) & maskLow == 0
    }
}
