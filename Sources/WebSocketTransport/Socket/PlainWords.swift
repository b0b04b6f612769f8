import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What an error of the system or of TLS means, in words that say nothing of the code that met it.
package enum PlainWords {
    /// For a connection that was up, or one that could not be made.
    package static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: describe(errno: error.errnoCode)
        case let error as NIOConnectionError:
            unique(error.connectionErrors.map { describe($0.error) })
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: describe(tls: error)
        case ChannelError.connectTimeout: "it did not answer in time"
        case is ChannelError: "the connection ended"
        case let error as WebSocketError: error.description
        case let error as WebSocketConnectError: error.description
        default: "the connection broke"
        }
    }

    private static func describe(errno code: CInt) -> String {
        switch code {
        case ECONNRESET: "the connection was reset"
        case EPIPE, ENOTCONN, ESHUTDOWN: "the other side had closed the connection"
        case ETIMEDOUT: "the other side does not answer any more"
        case ECONNREFUSED: "the connection was refused"
        case ECONNABORTED: "the connection was aborted"
        case EHOSTUNREACH, EHOSTDOWN: "there is no way to the host"
        case ENETUNREACH, ENETDOWN: "there is no way to its network"
        case EACCES, EPERM: "this machine does not allow the connection"
        case EMFILE, ENFILE: "this machine has no more open files to give: see ulimit -n"
        case EADDRNOTAVAIL: "this machine has no address or port left for it"
        default: "the connection broke (error \(code))"
        }
    }

    /// TLS libraries tell the reason as a word among places in their source.
    private static func describe(tls error: any Error) -> String {
        if case NIOSSLExtraError.failedToValidateHostname? = error as? NIOSSLExtraError {
            return "the certificate is for another name"
        }
        let text = "\(error)"
        return reasons.first { text.contains($0.word) }?.words ?? "the two sides cannot agree"
    }

    private static let reasons: [(word: String, words: String)] = [
        ("WRONG_VERSION_NUMBER", "the other side does not speak TLS: use ws://"),
        ("HTTP_REQUEST", "the other side does not speak TLS: use ws://"),
        ("CERTIFICATE_VERIFY_FAILED", "the certificate is not trusted"),
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

    private static func unique(_ texts: [String]) -> String {
        var seen: Set<String> = []
        return texts.filter { seen.insert($0).inserted }.joined(separator: ", ")
    }
}
