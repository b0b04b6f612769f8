import Crypto
import Foundation
package import MiddlewareKit

/// The keys that the calls of an endpoint are signed with: none, one, or two while one takes the place of the other.
///
/// Written as Standard Webhooks has it (https://www.standardwebhooks.com): `whsec_` and 24 to 64 bytes in base64.
package struct SigningSecrets: OptionValue, Hashable, CustomStringConvertible, CustomReflectable {
    private let keys: [Data]

    package init() { keys = [] }

    private init(keys: [Data]) { self.keys = keys }

    /// - Parameter texts: As in config.yaml. Nil when one of them is no such secret.
    package init?(_ texts: [String]) {
        let keys = texts.compactMap(Self.key)
        guard keys.count == texts.count, keys.count <= 2 else { return nil }
        self.init(keys: keys)
    }

    package var isEmpty: Bool { keys.isEmpty }

    /// The value of the header `webhook-signature`: a signature with each key.
    /// - Parameter timestamp: Seconds since 1970.
    package func signature(id: String, timestamp: Int64, body: [UInt8]) -> String {
        let signed = Data("\(id).\(timestamp).".utf8) + body
        return keys.map { key in
            let code = HMAC<SHA256>.authenticationCode(for: signed, using: SymmetricKey(data: key))
            return "v1," + Data(code).base64EncodedString()
        }.joined(separator: " ")
    }

    private static func key(_ text: String) -> Data? {
        guard text.hasPrefix("whsec_"), let key = Data(base64Encoded: String(text.dropFirst(6))),
            (24...64).contains(key.count)
        else { return nil }
        return key
    }

    package static var optionType: OptionType { .oneOrList(of: .secret) }

    package static func read(_ node: ConfigNode, findings: inout Findings) -> SigningSecrets? {
        var texts: [String] = []
        if case .sequence = node.content {
            // What is wrong with an entry that could not be filled in is told already.
            guard let list = [String].read(node, findings: &findings), !node.holdsSpoilt else { return nil }
            texts = list
        } else {
            guard let text = String.read(node, findings: &findings) else { return nil }
            texts = [text]
        }
        guard !texts.isEmpty, let secrets = SigningSecrets(texts) else {
            // The value may be a secret, so it is not repeated.
            findings.error(
                at: node.position,
                "\(node.label) must be `whsec_` and 24 to 64 bytes in base64, or a list of two of them",
                hint: "make one with: echo whsec_$(openssl rand -base64 32)")
            return nil
        }
        let nodes = if case .sequence(let entries) = node.content { entries } else { [node] }
        for node in nodes where !node.isFromEnvironment { findings.noteClearSecret(at: node.position) }
        return secrets
    }

    package var optionText: String { keys.isEmpty ? "null" : "<redacted>" }
    package var description: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

extension HTTPAddress {
    /// Tells addresses apart without telling them: SHA-256 in hex.
    var fingerprint: String {
        SHA256.hash(data: Data(revealed.utf8)).map { String(format: "%02x", $0) }.joined()
    }
}
