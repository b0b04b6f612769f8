import Crypto
import Foundation
import SwiftASN1
package import X509

/// Makes certificates that are valid for an hour, for tests only.
package struct TestAuthority {
    package let certificate: Certificate
    private let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    private let name: DistinguishedName

    package init() throws {
        name = try DistinguishedName { CommonName("Test Authority") }
        certificate = try Self.make(name, key.publicKey, signedBy: key, named: name) {
            Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
            Critical(KeyUsage(keyCertSign: true))
        }
    }

    /// A server's certificate and key.
    ///
    /// - Parameter host: The name that the certificate is for.
    /// - Parameter lifetime: In seconds from now; below zero the certificate has expired.
    package func issue(for host: String, lifetime: Double = 3600) throws -> (
        certificate: Certificate, key: Certificate.PrivateKey
    ) {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName { CommonName(host) }
        let certificate = try Self.make(subject, key.publicKey, signedBy: self.key, named: name, lifetime: lifetime) {
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
        lifetime: Double = 3600,
        @ExtensionsBuilder extensions: () throws -> Result<Certificate.Extensions, any Error>
    ) throws -> Certificate {
        try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey,
            notValidBefore: Date.now.addingTimeInterval(-7200),
            notValidAfter: Date.now.addingTimeInterval(lifetime),
            issuer: issuer,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions(builder: extensions),
            issuerPrivateKey: key
        )
    }
}

extension Certificate.PrivateKey {
    package var pem: String { get throws { try serializeAsPEM().pemString } }
}

extension Certificate {
    package var pem: String { get throws { try serializeAsPEM().pemString } }

    package var der: [UInt8] { get throws { try serializeAsPEM().derBytes } }
}
