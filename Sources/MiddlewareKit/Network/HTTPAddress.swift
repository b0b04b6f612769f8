/// An `http:` or `https:` URL, taken apart.
///
/// Strict, so that there is no second way to read it: no user name, no fragment, only characters that need no escaping.
/// It prints without path and query, which often hold a secret.
public struct HTTPAddress: OptionValue, Hashable, CustomStringConvertible, CustomReflectable {
    public let isSecure: Bool
    /// A name or an IP address, without the brackets of IPv6, in lowercase.
    public let host: String
    public let port: Int
    /// Path and query as they go into the request line.
    public let target: String

    /// What is wrong with a URL, to stand after the word "it": "names no host".
    public struct Problem: Error, Sendable, Hashable {
        public let words: String
    }

    public init(_ url: String) throws(Problem) {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"\"<>\\^`{|}".utf8.contains($0) }) else {
            throw Problem(words: "holds a space or a character that must be percent-encoded")
        }
        guard !url.contains("#") else { throw Problem(words: "has a fragment (#), which servers never see") }
        let start = url.prefix(8).lowercased()
        guard start.hasPrefix("http://") || start.hasPrefix("https://") else {
            throw Problem(words: "does not begin with http:// or https://")
        }
        isSecure = start.hasPrefix("https://")
        let rest = url.dropFirst(isSecure ? 8 : 7)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let (authority, target) = (rest[..<end], rest[end...])
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
        guard !authority.contains("@") else { throw Problem(words: "holds a user name") }
        (host, port) = try Self.split(authority, defaultPort: isSecure ? 443 : 80)
    }

    private static func split(_ authority: Substring, defaultPort: Int) throws(Problem) -> (String, Int) {
        let host: Substring
        let rest: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]"),
                IPAddress(String(authority[..<end].dropFirst()))?.version == .v6
            else { throw Problem(words: "has no IPv6 address between its brackets") }
            host = authority[..<end].dropFirst()
            rest = authority[end...].dropFirst()
        } else {
            let end = authority.firstIndex(of: ":") ?? authority.endIndex
            host = authority[..<end]
            rest = authority[end...]
            guard !host.isEmpty else { throw Problem(words: "names no host") }
            guard host.utf8.allSatisfy(isNameCharacter), host.utf8.count <= 253 else {
                throw Problem(words: "has a host that is no name and no address")
            }
        }
        let name = host.lowercased()
        if rest.isEmpty || rest == ":" { return (name, defaultPort) }
        guard rest.hasPrefix(":"), !rest.contains("+"), let port = UInt16(rest.dropFirst()), port > 0 else {
            throw Problem(words: "has a port that is no number between 1 and 65535")
        }
        return (name, Int(port))
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }

    /// The value of the Host header: with the port unless it is the scheme's own.
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// Scheme, host and port: `https://example.com`.
    public var origin: String { "\(isSecure ? "https" : "http")://\(authority)" }

    /// The whole URL. It may hold a secret: hand it to what needs it, and to nothing else.
    public var revealed: String { origin + target }

    /// Whether there is a query, or a part of the path so long that nobody would give it to read: what services with addresses
    /// for one customer each have there.
    private var mayHoldSecret: Bool {
        target.contains("?") || target.split(separator: "/").contains { $0.utf8.count >= 20 }
    }

    public var description: String { target == "/" ? origin : origin + "/…" }
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }

    public static var optionType: OptionType { .secret }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> HTTPAddress? {
        guard let text = String.read(node, findings: &findings) else { return nil }
        do throws(Problem) {
            let address = try HTTPAddress(text)
            if address.mayHoldSecret, !node.isFromEnvironment { findings.noteClearSecret(at: node.position) }
            return address
        } catch {
            findings.error(
                at: node.position, "\(node.label) \(error.words)", hint: "it looks like https://example.com/hook")
            return nil
        }
    }

    public var optionText: String { description.optionText }
}
