import NIOSSL

/// What an error of TLS means, in words that say nothing of the code that met it.
package enum TLSWords {
    /// TLS libraries tell the reason as a word among places in their source.
    ///
    /// - Parameter plain: How addresses begin that are reached without TLS.
    package static func describe(_ error: any Error, withoutTLS plain: String) -> String {
        switch certificateProblem(error) {
        case .otherName: return "the certificate is for another name"
        case .untrusted: return "the certificate is not trusted"
        case nil: break
        }
        let text = "\(error)"
        if ["WRONG_VERSION_NUMBER", "HTTP_REQUEST"].contains(where: text.contains) {
            return "the other side does not speak TLS: use \(plain)"
        }
        return reasons.first { text.contains($0.word) }?.words ?? "the two sides cannot agree"
    }

    /// What this side has against the certificate of the other one.
    package enum CertificateProblem: Sendable { case otherName, untrusted }

    /// Nil: something else went wrong.
    package static func certificateProblem(_ error: any Error) -> CertificateProblem? {
        if case NIOSSLExtraError.failedToValidateHostname? = error as? NIOSSLExtraError { return .otherName }
        return "\(error)".contains("CERTIFICATE_VERIFY_FAILED") ? .untrusted : nil
    }

    private static let reasons: [(word: String, words: String)] = [
        ("CERTIFICATE_EXPIRED", "a certificate has expired"),
        ("CERTIFICATE_REQUIRED", "the other side asks for a certificate of this server"),
        ("BAD_CERTIFICATE", "the other side refuses a certificate"),
        ("UNRECOGNIZED_NAME", "the other side does not know this name"),
        ("UNSUPPORTED_PROTOCOL", "the two sides have no version of TLS in common"),
        ("PROTOCOL_VERSION", "the two sides have no version of TLS in common"),
        ("HANDSHAKE_FAILURE", "the other side refuses the handshake"),
        ("uncleanShutdown", "the other side ended the connection"),
        ("EOF", "the other side ended the connection"),
        ("eof", "the other side ended the connection"),
    ]
}
