package import MiddlewareKit

/// `tls:` of the server. Without it the connections are not encrypted.
package struct ServerTLSSettings: OptionGroup {
    package var certificate: Located<String>?
    package var key: Located<String>?

    package init() {}

    /// Both files; nil when one of them is not given.
    package var files: (certificate: String, key: String)? {
        guard let certificate, let key else { return nil }
        return (certificate.value, key.value)
    }

    var paths: [String] { [certificate, key].compactMap { $0?.value } }

    package static let options: [Option<Self>] = [
        Option(
            "certificate", \.certificate,
            help: "A PEM file with the server's certificate, and behind it those that lead to one that browsers trust.",
            example: "./certificate.pem",
            check: { $0?.value == "" ? "must be the path of a file" : nil }
        ),
        Option(
            "key", \.key,
            help: "A PEM file with the private key of the certificate, without a password.",
            example: "./key.pem",
            check: { $0?.value == "" ? "must be the path of a file" : nil }
        ),
    ]
}
