package import MiddlewareKit

/// A small IPv4 network of addresses that are nobody's in the Internet, such as `192.168.1.0/24`.
package struct PrivateNetwork: OptionValue, Hashable {
    private let base: UInt32
    private let prefix: UInt32

    /// Nil unless the text is a private or loopback network with at most 1,024 addresses (`/22` to `/32`).
    package init?(_ text: String) {
        // The number parsers of the standard library also take a sign.
        guard text.utf8.allSatisfy({ (46...57).contains($0) }) else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let prefix = UInt32(parts[1]), (22...32).contains(prefix) else { return nil }
        let numbers = parts[0].split(separator: ".", omittingEmptySubsequences: false).compactMap { UInt8($0) }
        guard numbers.count == 4, parts[0].filter({ $0 == "." }).count == 3 else { return nil }
        let address = numbers.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        base = address & (UInt32.max << (32 - prefix))
        self.prefix = prefix
        // RFC 1918, and 127.0.0.0/8.
        let isPrivate =
            base >> 24 == 10 || base >> 20 == 0xAC1 || base >> 16 == 0xC0A8 || base >> 24 == 127
        guard isPrivate else { return nil }
    }

    /// The addresses that hosts can have, in order.
    package var addresses: [String] {
        let count = UInt32(1) << (32 - prefix)
        // The first and the last address of a network are no hosts.
        let hosts = prefix >= 31 ? 0..<count : 1..<(count - 1)
        return hosts.map { host in
            let address = base + host
            return "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
        }
    }

    package static var optionType: OptionType { .string }

    package static func read(_ node: ConfigNode, findings: inout Findings) -> PrivateNetwork? {
        guard let text = String.read(node, findings: &findings) else { return nil }
        guard let network = PrivateNetwork(text) else {
            findings.error(
                at: node.position, "this is no private network of at most 1024 addresses",
                hint:
                    "such as 192.168.1.0/24; the ranges 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and 127.0.0.0/8 are private"
            )
            return nil
        }
        return network
    }

    package var optionText: String {
        "\(base >> 24).\(base >> 16 & 255).\(base >> 8 & 255).\(base & 255)/\(prefix)"
    }
}
