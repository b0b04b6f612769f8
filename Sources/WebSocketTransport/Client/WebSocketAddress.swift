/// A `ws:` or `wss:` URL (RFC 6455 section 3), taken apart.
struct WebSocketAddress: Equatable {
    let isSecure: Bool
    /// A name or an IP address, without the brackets of IPv6.
    let host: String
    let port: Int
    /// Path and query as they go into the request line.
    let target: String

    /// The value of the Host header: with the port unless it is the scheme's own.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    init(_ url: String) throws(WebSocketConnectError) {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalidURL("it holds a space or a character that must be percent-encoded")
        }
        guard !url.contains("#") else { throw .invalidURL("a WebSocket URL has no fragment (#)") }
        let lowercased = url.prefix(6).lowercased()
        if lowercased.hasPrefix("ws://") {
            isSecure = false
        } else if lowercased.hasPrefix("wss://") {
            isSecure = true
        } else {
            throw .invalidURL("it does not begin with ws:// or wss://")
        }
        let rest = url.dropFirst(isSecure ? 6 : 5)
        let targetStart = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<targetStart]
        let target = rest[targetStart...]
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
        guard !authority.contains("@") else { throw .invalidURL("it holds a user name") }
        (host, port) = try Self.split(authority, defaultPort: isSecure ? 443 : 80)
    }

    private static func split(
        _ authority: Substring,
        defaultPort: Int
    ) throws(WebSocketConnectError) -> (String, Int) {
        let host: Substring
        let rest: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw .invalidURL("the bracket [ is not closed") }
            host = authority[authority.index(after: authority.startIndex)..<end]
            rest = authority[authority.index(after: end)...]
        } else {
            let end = authority.firstIndex(of: ":") ?? authority.endIndex
            host = authority[..<end]
            rest = authority[end...]
        }
        guard !host.isEmpty else { throw .invalidURL("it names no host") }
        if rest.isEmpty || rest == ":" { return (String(host), defaultPort) }
        guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()), port > 0 else {
            throw .invalidURL("the port is no number between 1 and 65535")
        }
        return (String(host), Int(port))
    }
}

extension WebSocketClient {
    /// What is wrong with a URL, in plain words; nil when it can be connected to.
    package static func problem(withURL url: String) -> String? {
        do {
            _ = try WebSocketAddress(url)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
