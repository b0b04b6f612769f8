package import MiddlewareKit

/// The proxies whose word counts on where a request comes from (`X-Forwarded-For`).
///
/// Everybody may send that header, so it is read from its end, where the nearest proxy wrote what it saw: the first address
/// that is no proxy of ours is the client's. What stands before it is the client's own word.
package struct TrustedProxies: Sendable {
    private let networks: [IPNetwork]

    package init(_ networks: [IPNetwork] = []) { self.networks = networks }

    /// The client's address.
    ///
    /// - Parameters:
    ///   - peer: Who opened the connection.
    ///   - forwardedFor: The headers `X-Forwarded-For`, in their order.
    package func client(peer: String, forwardedFor: [String]) -> String {
        guard !networks.isEmpty, trusts(peer) else { return peer }
        var client = peer
        for hop in forwardedFor.flatMap({ $0.split(separator: ",") }).reversed() {
            guard let address = Self.address(in: hop) else { break }
            client = address
            if !trusts(address) { break }
        }
        return client
    }

    private func trusts(_ text: String) -> Bool {
        // A socket for both versions of IP shows IPv4 addresses like this (RFC 4291 section 2.5.5.2).
        let plain = text.hasPrefix("::ffff:") && text.contains(".") ? String(text.dropFirst(7)) : text
        guard let address = IPAddress(plain) else { return false }
        return networks.contains { $0.contains(address) }
    }

    /// Some proxies add the port.
    private static func address(in hop: Substring) -> String? {
        var text = hop.trimmingPrefix { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        if text.hasPrefix("[") {
            text = text.dropFirst().prefix { $0 != "]" }
        } else if text.contains("."), let colon = text.lastIndex(of: ":"), !text.hasPrefix(":") {
            text = text[..<colon]
        }
        return IPAddress(String(text)) == nil ? nil : String(text)
    }
}
