import Crypto
import Foundation
import JSON

@testable import OpenClawTesting

/// A device key, and the `connect` parameters that it signs. Knows the signature rules on its own.
struct TestDevice {
    let key: Curve25519.Signing.PrivateKey

    /// The seed of the protocol's test vector: bytes 00 01 … 1f.
    static func vector() throws -> TestDevice {
        TestDevice(key: try .init(rawRepresentation: Data((0..<32).map { UInt8($0) })))
    }

    static func random() -> TestDevice { TestDevice(key: .init()) }

    static let readAndWrite = ["operator.read", "operator.write"]

    var id: String { SHA256.hash(data: key.publicKey.rawRepresentation).map { String(format: "%02x", $0) }.joined() }

    func connect(
        nonce: String,
        signedAt: Int64,
        scopes: [String] = readAndWrite,
        token: String? = nil,
        protocols: ClosedRange<Int64> = 3...4,
        payloadVersion: Int = 3
    ) throws -> JSONValue {
        var fields = ["v\(payloadVersion)", id, "gateway-client", "backend", "operator", scopes.joined(separator: ",")]
        fields += [String(signedAt), token ?? "", nonce]
        if payloadVersion == 3 { fields += ["linux", ""] }
        let signature = try key.signature(for: Data(fields.joined(separator: "|").utf8))
        var parameters: JSONObject = [
            "minProtocol": .integer(protocols.lowerBound),
            "maxProtocol": .integer(protocols.upperBound),
            "client": ["id": "gateway-client", "version": "1", "platform": "Linux", "mode": "backend"],
            "role": "operator",
            "scopes": .array(scopes.map { .string($0) }),
            "device": [
                "id": .string(id), "publicKey": .string(Self.base64URL(key.publicKey.rawRepresentation)),
                "signature": .string(Self.base64URL(signature)), "signedAt": .integer(signedAt),
                "nonce": .string(nonce),
            ],
        ]
        if let token { parameters["auth"] = ["token": .string(token)] }
        return .object(parameters)
    }

    static func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
