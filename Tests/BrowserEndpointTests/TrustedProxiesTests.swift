import BrowserEndpoint
import MiddlewareKit
import Testing

@Suite struct TrustedProxiesTests {
    @Test(arguments: [
        // Everybody can write the header; only the proxy's word counts.
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["1.1.1.1", "203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        ("127.0.0.1", ["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
        ("127.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("127.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("127.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("127.0.0.1", ["203.0.113.9, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9, , 10.1.2.3"], "10.1.2.3"),
        ("", ["203.0.113.9"], ""),
    ])
    func theNearestAddressThatIsNoProxyIsTheClients(peer: String, headers: [String], client: String) throws {
        let networks = ["127.0.0.1", "10.0.0.0/8"].compactMap { IPNetwork($0) }
        #expect(TrustedProxies(networks).client(peer: peer, forwardedFor: headers) == client)
    }

    @Test func withoutProxiesNobodyIsBelieved() {
        #expect(TrustedProxies().client(peer: "127.0.0.1", forwardedFor: ["203.0.113.9"]) == "127.0.0.1")
    }
}
