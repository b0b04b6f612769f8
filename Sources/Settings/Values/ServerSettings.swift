package import MiddlewareKit

/// `server:` of the configuration file.
package struct ServerSettings: OptionGroup {
    package var host = "127.0.0.1"
    package var port = 8080
    package var maxMessageSize: ByteSize = .mebibytes(1)
    package var pingInterval: Duration = .seconds(30)
    package var authTimeout: Duration = .seconds(10)
    package var maxConnections = 10_000
    package var queueSize: ByteSize = .mebibytes(1)
    package var allowedOrigins = ["http://localhost:3000", "http://localhost:5173"]
    package var trustedProxies: [IPNetwork] = []
    package var tls = ServerTLSSettings()

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "host", \.host,
            help: "The address to listen on. 127.0.0.1 is reachable from this machine only, 0.0.0.0 from everywhere.",
            check: problem(ofHost:)
        ),
        Option("port", \.port, help: "The port to listen on; 0 takes any free one.", range: 0...65_535),
        Option(
            "max-message-size", \.maxMessageSize,
            help: "The largest message of a browser. A larger one closes its connection.",
            range: .kibibytes(1) ... .mebibytes(64)
        ),
        Option(
            "ping-interval", \.pingInterval,
            help: "How often a browser is asked whether it is still there.",
            range: .seconds(1) ... .seconds(3600)
        ),
        Option(
            "auth-timeout", \.authTimeout,
            help: "How long a browser may take to say who it is.",
            range: .seconds(1) ... .seconds(600)
        ),
        Option(
            "max-connections", \.maxConnections,
            help: "How many browsers may be connected at a time.",
            range: 1...1_000_000
        ),
        Option(
            "queue-size", \.queueSize,
            help: "How many bytes a browser may lag behind before its connection is closed.",
            range: .kibibytes(16) ... .gibibytes(1)
        ),
        Option(
            "allowed-origins", \.allowedOrigins,
            help: "The origins of other web pages that may use this server from a browser.",
            check: { $0.allSatisfy(isOrigin) ? nil : "must be origins such as http://localhost:3000, without a path" }
        ),
        Option(
            "trusted-proxies", \.trustedProxies,
            help:
                "The addresses of reverse proxies, or their networks. Only what they write in `X-Forwarded-For` counts as "
                + "the address of a browser. Naming one says that others reach the server.",
            example: "[127.0.0.1, 10.0.0.0/8]"
        ),
        Option("tls", \.tls, help: "The certificate with which the server speaks https and wss."),
    ]

    /// True when other machines may be able to connect.
    package var listensBeyondLoopback: Bool { Self.isBeyondLoopback(host) }

    /// True when others than those on this machine may be able to connect, through a proxy too.
    package var isReachableByOthers: Bool { listensBeyondLoopback || !trustedProxies.isEmpty }

    /// What is no host is an error of its own.
    private static func isBeyondLoopback(_ host: String) -> Bool {
        let isLoopbackAddress = host.hasPrefix("127.") && host.utf8.allSatisfy { $0 == 46 || (48...57).contains($0) }
        return !isLoopbackAddress && !["localhost", "::1"].contains(host) && problem(ofHost: host) == nil
    }

    /// Names are left to those who know them; what only looks like an address is nobody's name.
    private static func problem(ofHost host: String) -> String? {
        if IPAddress(peer: host) != nil { return nil }
        if host.contains("/") {
            return "must be an address such as 127.0.0.1 alone, without `http://` and without a path"
        }
        if host.hasPrefix("[") { return "must be an address without brackets and without a port, such as ::1" }
        if host.contains(":") { return "must be an address such as 127.0.0.1 alone; the port is given as `port`" }
        if !host.isEmpty, host.allSatisfy({ $0 == "." || ("0"..."9").contains($0) }) {
            return "must be an address such as 127.0.0.1: four numbers from 0 to 255, with dots between them"
        }
        let digits = host.map { ["l": "1", "I": "1", "O": "0", "o": "0"][$0] ?? $0 }
        if IPAddress(String(digits)) != nil {
            return "must be an address such as 127.0.0.1, and holds a letter in place of a digit"
        }
        let isName = !host.isEmpty && host.allSatisfy { $0.isLetter || $0.isNumber || ".-_".contains($0) }
        return isName ? nil : "must be an address such as 127.0.0.1, or a name of this machine"
    }

    /// A browser sends scheme, host and port only, so an origin with anything behind it would never be met.
    private static func isOrigin(_ text: String) -> Bool {
        for scheme in ["http://", "https://"] where text.hasPrefix(scheme) {
            let host = text.dropFirst(scheme.count)
            return !host.isEmpty && !host.contains { "/?#@* ".contains($0) }
        }
        return false
    }
}
