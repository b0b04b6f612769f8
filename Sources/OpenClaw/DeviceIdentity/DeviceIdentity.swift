package import Crypto

/// The Ed25519 key by which a gateway knows this server (OpenClaw protocol: device identity and signature).
package struct DeviceIdentity: Sendable {
    /// Lowercase hex SHA-256 of the raw public key.
    package let deviceID: String
    /// The raw public key in base64url without padding.
    package let publicKey: String
    let privateKey: Curve25519.Signing.PrivateKey

    package init(privateKey: Curve25519.Signing.PrivateKey = Curve25519.Signing.PrivateKey()) {
        self.privateKey = privateKey
        let raw = Array(privateKey.publicKey.rawRepresentation)
        deviceID = Hex.encode(SHA256.hash(data: raw))
        publicKey = Base64URL.encode(raw)
    }

    /// - Parameter seed: The 32 bytes of the private key.
    package init(seed: [UInt8]) throws {
        self.init(privateKey: try Curve25519.Signing.PrivateKey(rawRepresentation: seed))
    }

    /// The signature of the UTF-8 bytes of `payload`, in base64url without padding.
    package func sign(_ payload: String) throws -> String {
        Base64URL.encode(Array(try privateKey.signature(for: Array(payload.utf8))))
    }
}

enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Without padding (RFC 4648 section 5).
    static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * (3 - group.count))
            for place in 0...group.count { out.append(alphabet[Int(bits >> (18 - 6 * place) & 63)]) }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Nil unless the text is pairs of hexadecimal digits.
    static func decode(_ text: String) -> [UInt8]? {
        let values = text.map(\.hexDigitValue)
        guard values.count.isMultiple(of: 2), !values.contains(nil) else { return nil }
        return stride(from: 0, to: values.count, by: 2).map { UInt8((values[$0] ?? 0) << 4 | (values[$0 + 1] ?? 0)) }
    }
}
