import Crypto
import Foundation

/// A key that a user shows to get in: `sluice_<id>_<secret>`.
struct AccessKey {
    /// Public: 12 hex digits, to find the key by.
    let id: String
    /// 32 random bytes in base64url.
    let secret: String

    static func random() -> AccessKey {
        let id = SymmetricKey(size: .init(bitCount: 48)).withUnsafeBytes { bytes in
            bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
        let secret = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }.base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        return AccessKey(id: id, secret: secret)
    }

    var text: String { "sluice_\(id)_\(secret)" }

    /// SHA-256 of the secret's text: with 256 random bits nothing slower is needed.
    var secretHash: [UInt8] { Array(SHA256.hash(data: Data(secret.utf8))) }
}
