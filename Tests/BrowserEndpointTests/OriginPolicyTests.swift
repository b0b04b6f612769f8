import BrowserEndpoint
import Testing

@Suite struct OriginPolicyTests {
    private static let policy = OriginPolicy(allowed: ["http://localhost:5173"], isLoopbackOnly: true)

    @Test(arguments: [
        (nil, "127.0.0.1:8080", true),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
        ("http://localhost:8080", "localhost:8080", true),
        ("http://[::1]:8080", "[::1]:8080", true),
        ("http://localhost:5173", "127.0.0.1:8080", true),
        ("HTTP://LOCALHOST:5173", "127.0.0.1:8080", true),
        ("http://evil.example", "127.0.0.1:8080", false),
        ("http://localhost:9999", "localhost:8080", false),
        ("null", "localhost:8080", false),
        // A name that somebody pointed at this machine.
        ("http://evil.example:8080", "evil.example:8080", false),
        ("http://127.0.0.1.evil.example", "127.0.0.1.evil.example", false),
    ])
    func onLoopback(origin: String?, host: String, expected: Bool) {
        #expect(Self.policy.permits(origin: origin, host: host) == expected)
    }

    @Test func aPublicServerServesItsOwnName() {
        let policy = OriginPolicy(allowed: [], isLoopbackOnly: false)
        #expect(policy.permits(origin: "https://chat.example", host: "chat.example"))
        #expect(!policy.permits(origin: "https://other.example", host: "chat.example"))
    }

    @Test func onlyAllowedOriginsMayReadAnswers() {
        #expect(Self.policy.corsOrigin(for: "http://localhost:5173") == "http://localhost:5173")
        #expect(Self.policy.corsOrigin(for: "http://127.0.0.1:8080") == nil)
    }
}
