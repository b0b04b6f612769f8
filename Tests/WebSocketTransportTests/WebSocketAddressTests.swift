import Testing

@testable import WebSocketTransport

struct WebSocketAddressTests {
    @Test(arguments: [
        ("ws://example.com", "example.com", 80, "/", "example.com"),
        ("WSS://example.com", "example.com", 443, "/", "example.com"),
        ("ws://127.0.0.1:18789/gateway?x=1&y=%20", "127.0.0.1", 18789, "/gateway?x=1&y=%20", "127.0.0.1:18789"),
        ("wss://example.com:443?x=/", "example.com", 443, "/?x=/", "example.com"),
        ("ws://[::1]:8080/a", "::1", 8080, "/a", "[::1]:8080"),
        ("ws://[fe80::1]", "fe80::1", 80, "/", "[fe80::1]"),
    ])
    func valid(_ url: String, _ host: String, _ port: Int, _ target: String, _ authority: String) throws {
        let address = try WebSocketAddress(url)
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.target == target)
        #expect(address.authority == authority)
        #expect(address.isSecure == url.lowercased().hasPrefix("wss"))
    }

    @Test(arguments: [
        "", "http://example.com", "example.com", "ws://", "ws:///path", "ws://host:0", "ws://host:65536", "ws://host:x",
        "ws://[::1", "ws://[::1]8080", "ws://user:pw@host", "ws://host/#part", "ws://host/a b", "ws://host/\r\nX: y",
    ])
    func invalid(_ url: String) {
        let error = #expect(throws: WebSocketConnectError.self) { try WebSocketAddress(url) }
        guard case .invalidURL? = error else {
            Issue.record("another error")
            return
        }
    }
}
