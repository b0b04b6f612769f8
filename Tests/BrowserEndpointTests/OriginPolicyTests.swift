import BrowserEndpoint
import MiddlewareKit
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
        // Such a page is of the same origin as what it asks for, so its browser sends no `Origin`.
        (nil, "evil.example:8080", false),
        (nil, "localhost.evil.example", false),
        (nil, nil, true),
        (nil, "[::1]:8080", true),
    ])
    func onLoopback(origin: String?, host: String?, expected: Bool) {
        #expect(Self.policy.permits(origin: origin, host: host) == expected)
    }

    @Test func aPublicServerServesItsOwnName() {
        let policy = OriginPolicy(allowed: [], isLoopbackOnly: false)
        #expect(policy.permits(origin: "https://chat.example", host: "chat.example"))
        #expect(!policy.permits(origin: "https://other.example", host: "chat.example"))
    }

    /// The proxy may pass on the name that it was called by, or the address of Sluice.
    @Test(arguments: ["chat.example", "chat.example:443", "127.0.0.1:8080"])
    func behindAProxy(host: String) {
        let policy = OriginPolicy(allowed: ["https://chat.example"], isLoopbackOnly: true)
        #expect(policy.permits(origin: "https://chat.example", host: host))
        #expect(policy.permits(origin: nil, host: host))
        #expect(!policy.permits(origin: "http://chat.example", host: host))
        #expect(!policy.permits(origin: "https://chat.example.evil.example", host: host))
        #expect(!policy.permits(origin: nil, host: "evil.example"))
    }

    @Test func aRefusalSaysWhatToDo() throws {
        let policy = Self.policy
        let host = try #require(policy.refusal(origin: nil, host: "chat.example"))
        #expect(host.message.contains("https://chat.example") && host.message.contains("server.allowed-origins"))
        let origin = try #require(policy.refusal(origin: "https://chat.example", host: "localhost:8080"))
        #expect(origin.message.contains("https://chat.example") && origin.message.contains("server.allowed-origins"))
    }

    @Test func onlyAllowedOriginsMayReadAnswers() {
        #expect(Self.policy.corsOrigin(for: "http://localhost:5173") == "http://localhost:5173")
        #expect(Self.policy.corsOrigin(for: "http://127.0.0.1:8080") == nil)
    }
}
