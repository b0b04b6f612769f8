/// Which addresses and ports the server may call for somebody else.
///
/// Whoever can choose the address of a call could otherwise make the server talk to machines that only it can reach: its own
/// ports, the local network, the metadata service of a cloud ("server-side request forgery").
public struct AddressRules: Sendable, Hashable {
    /// Networks that may be called although they are not public.
    public var allowed: [IPNetwork]
    public var ports: [Int]

    public init(allowed: [IPNetwork] = [], ports: [Int] = [80, 443]) {
        self.allowed = allowed
        self.ports = ports
    }

    /// Why a port may not be called, in words; nil: it may.
    public func refusal(ofPort port: Int) -> String? {
        ports.contains(port) ? nil : "port \(port) is not one of the allowed ports"
    }

    /// Why an address may not be called, in words; nil: it may.
    public func refusal(of address: IPAddress) -> String? {
        if allowed.contains(where: { $0.contains(address) }) { return nil }
        switch address.version {
        case .v4: return Self.special.first { $0.network.contains(address) }?.words
        case .v6: return refusal(ofIPv6: address)
        }
    }

    private func refusal(ofIPv6 address: IPAddress) -> String? {
        if let words = Self.special6.first(where: { $0.network.contains(address) })?.words { return words }
        // Where IPv4 is reached through a translator (RFC 6052), the last 32 bits are the address that is meant.
        if Self.translated.contains(address) {
            return refusal(of: IPAddress(version: .v4, bits: address.bits & 0xFFFF_FFFF))
        }
        return Self.global.contains(address) ? nil : "it is no public address"
    }

    /// Of the IANA IPv4 special-purpose address registry, what is not reachable for everybody; multicast; and the address
    /// under which machines of Azure find their metadata.
    private static let special: [(network: IPNetwork, words: String)] = [
        (IPNetwork(.v4, 0x0000_0000, 8), "it means this machine itself"),
        (IPNetwork(.v4, 0x7F00_0000, 8), "it is a loopback address"),
        (IPNetwork(.v4, 0x0A00_0000, 8), "it is a private address"),
        (IPNetwork(.v4, 0xAC10_0000, 12), "it is a private address"),
        (IPNetwork(.v4, 0xC0A8_0000, 16), "it is a private address"),
        (IPNetwork(.v4, 0x6440_0000, 10), "it is an address inside a provider's network"),
        (IPNetwork(.v4, 0xA9FE_0000, 16), "it is a link-local address, where clouds keep their metadata"),
        (IPNetwork(.v4, 0xA83F_8110, 32), "it is a cloud's metadata address"),
        (IPNetwork(.v4, 0xC000_0000, 24), "it is an address with a special purpose"),
        (IPNetwork(.v4, 0xC000_0200, 24), "it is an address for documentation"),
        (IPNetwork(.v4, 0xC633_6400, 24), "it is an address for documentation"),
        (IPNetwork(.v4, 0xCB00_7100, 24), "it is an address for documentation"),
        (IPNetwork(.v4, 0xC058_6300, 24), "it is an address with a special purpose"),
        (IPNetwork(.v4, 0xC612_0000, 15), "it is an address for measurements"),
        (IPNetwork(.v4, 0xE000_0000, 4), "it is a multicast address"),
        (IPNetwork(.v4, 0xF000_0000, 4), "it is a reserved address"),
    ]

    /// The same for IPv6, as far as it lies in the global range or deserves words of its own.
    private static let special6: [(network: IPNetwork, words: String)] = [
        (IPNetwork(.v6, 0, 128), "it means this machine itself"),
        (IPNetwork(.v6, 1, 128), "it is a loopback address"),
        (IPNetwork(.v6, 0xFFFF << 32, 96), "it is an IPv4 address inside an IPv6 one"),
        (IPNetwork(.v6, 0xFC << 120, 7), "it is a private address"),
        (IPNetwork(.v6, 0xFE80 << 112, 10), "it is a link-local address"),
        (IPNetwork(.v6, 0xFF << 120, 8), "it is a multicast address"),
        (IPNetwork(.v6, 0x2001 << 112, 23), "it is an address with a special purpose"),
        (IPNetwork(.v6, 0x2001_0DB8 << 96, 32), "it is an address for documentation"),
        (IPNetwork(.v6, 0x3FFF << 112, 20), "it is an address for documentation"),
        (IPNetwork(.v6, 0x2002 << 112, 16), "it is an IPv4 address inside an IPv6 one"),
    ]

    private static let translated = IPNetwork(.v6, 0x0064_FF9B << 96, 96)
    private static let global = IPNetwork(.v6, 0x2 << 124, 3)
}
