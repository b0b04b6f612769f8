package import MiddlewareKit

/// `tls:` of a gateway. By default the system's certificates decide.
package struct GatewayTLSSettings: OptionGroup {
    package var caFile: String?
    package var pin: String?
    package var serverName: String?

    package init() {}

    var isSet: Bool { caFile != nil || pin != nil || serverName != nil }

    package static let options: [Option<Self>] = [
        Option(
            "ca-file", \.caFile,
            help: "A PEM file with the certificates to trust instead of the system's.",
            example: "./gateway-ca.pem",
            check: { $0 == "" ? "must be the path of a file" : nil }
        ),
        Option(
            "pin", \.pin,
            help:
                "The SHA-256 fingerprint of the gateway's certificate. It must be exactly this one; who signed it and "
                + "the name in it are not asked.",
            example: "\"AB:CD:...\"",
            check: { $0.map(isFingerprint) == false ? "must be 64 hexadecimal digits, colons are allowed" : nil }
        ),
        Option(
            "server-name", \.serverName,
            help: "The name to ask for (SNI) and to expect in the certificate; the host of `url` when left out.",
            example: "gateway.example.com",
            check: { $0.map(isName) == false ? "must be a host name, not an address" : nil }
        ),
    ]

    private static func isFingerprint(_ text: String) -> Bool {
        let digits = text.filter { $0 != ":" }
        return digits.count == 64 && digits.allSatisfy(\.isHexDigit)
    }

    private static func isName(_ text: String) -> Bool {
        let hasLetter = text.contains { $0.isASCII && $0.isLetter }
        return hasLetter && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && !text.contains { ":/".contains($0) }
    }
}
