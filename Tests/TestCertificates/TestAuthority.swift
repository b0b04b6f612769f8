import Crypto
import Foundation
import SwiftASN1
import X509

/// Makes certificates that are valid for an hour.
struct TestAuthority {
    let certificate: Certificate
    private let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    private let name: DistinguishedName

    init() throws {
        name = try DistinguishedName { CommonName("Test Authority") }
        certificate = try Self.make(name, key.publicKey, signedBy: key, named: name) {
            Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
            Critical(KeyUsage(keyCertSign: true))
        }
    }

    /// A server's certificate and key.
    ///
    /// - Parameter host: The name that the certificate is for.
    func issue(for host: String) throws -> (certificate: Certificate, key: Certificate.PrivateKey) {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName { CommonName(host) }
        let certificate = try Self.make(subject, key.publicKey, signedBy: self.key, named: name) {
            Critical(BasicConstraints.notCertificateAuthority)
            SubjectAlternativeNames([.dnsName(host)])
        }
        return (certificate, key)
    }

    private static func make(
        _ subject: DistinguishedName,
        _ publicKey: Certificate.PublicKey,
        signedBy key: Certificate.PrivateKey,
        named issuer: DistinguishedName,
        @ExtensionsBuilder extensions: () throws -> Result<Certificate.Extensions, any Error>
    ) throws -> Certificate {
        try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey,
            notValidBefore: Date.now.addingTimeInterval(-3_600),
            notValidAfter: Date.now.addingTimeInterval(3_600),
            issuer: issuer,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions(builder: extensions),
            issuerPrivateKey: key
        )
    }
}

extension Certificate.PrivateKey {
    var pem: String { get throws { try serializeAsPEM().pemString } }
}

extension Certificate {
    var pem: String { get throws { try serializeAsPEM().pemString } }

    var der: [UInt8] { get throws { try serializeAsPEM().derBytes } }
}
