import Crypto
import Foundation
import JSON

/// Checks the `device` member of a `connect` request (OpenClaw protocol: device identity and signature).
struct DeviceProof {
    /// The whole `params` of `connect`; its shape was checked.
    let parameters: JSONValue
    let nonce: String
    /// The gateway's clock, in milliseconds since 1970.
    let now: Int64
    /// How far the device's clock may be off, in milliseconds.
    let allowedSkew: Int64
    /// Only payload version 2 is known.
    var isOldOnly = false

    /// - Returns: The device id.
    func verify() throws(GatewayRefusal) -> String {
        guard let device = parameters["device"], let id = device["id"]?.string,
            let signedAt = device["signedAt"]?.int.map(Int64.init)
        else { throw .device("DEVICE_AUTH_INVALID", "device identity invalid") }
        guard let bytes = device["publicKey"]?.string.flatMap(Self.base64), bytes.count == 32,
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)
        else { throw .device("DEVICE_AUTH_PUBLIC_KEY_INVALID", "device public key invalid") }
        guard id == SHA256.hash(data: bytes).map(Self.hex).joined() else {
            throw .device("DEVICE_AUTH_DEVICE_ID_MISMATCH", "device id does not match its key")
        }
        guard abs(now - signedAt) <= allowedSkew else {
            throw .device("DEVICE_AUTH_SIGNATURE_EXPIRED", "device signature expired")
        }
        guard let signedNonce = device["nonce"]?.string?.trimmed, !signedNonce.isEmpty else {
            throw .device("DEVICE_AUTH_NONCE_REQUIRED", "device nonce required")
        }
        guard signedNonce == nonce else { throw .device("DEVICE_AUTH_NONCE_MISMATCH", "device nonce mismatch") }
        let signature = device["signature"]?.string.flatMap(Self.base64) ?? Data()
        guard
            payloads(id: id, signedAt: signedAt).contains(where: { key.isValidSignature(signature, for: Data($0.utf8)) }
            )
        else { throw .device("DEVICE_AUTH_SIGNATURE_INVALID", "device signature invalid") }
        return id
    }

    /// What may have been signed: payload version 3 first, then version 2.
    private func payloads(id: String, signedAt: Int64) -> [String] {
        let client = parameters["client"]
        let scopes = parameters["scopes"]?.array?.compactMap(\.string) ?? []
        let auth = parameters["auth"]
        // The first member that is there counts, even when it is empty. A password is never signed.
        let token = ["token", "deviceToken", "bootstrapToken"].lazy.compactMap { auth?[$0]?.string }.first ?? ""
        let common = [
            id, client?["id"]?.string ?? "", client?["mode"]?.string ?? "", parameters["role"]?.string ?? "operator",
            scopes.joined(separator: ","), String(signedAt), token, nonce,
        ]
        let machine = [client?["platform"]?.string, client?["deviceFamily"]?.string].map { Self.normalized($0 ?? "") }
        let old = ["v2"] + common
        return (isOldOnly ? [old] : [["v3"] + common + machine, old]).map { $0.joined(separator: "|") }
    }

    /// Trimmed, and only ASCII letters in lower case.
    private static func normalized(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.trimmed.unicodeScalars.map { scalar in
                    ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar
                }
            )
        )
    }

    /// Standard or URL alphabet, with or without padding.
    private static func base64(_ text: String) -> Data? {
        var standard = text.replacing("-", with: "+").replacing("_", with: "/").filter { $0 != "=" }
        while standard.utf8.count % 4 != 0 { standard += "=" }
        return Data(base64Encoded: standard)
    }

    private static func hex(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
