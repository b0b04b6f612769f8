import MiddlewareKit
import NIOCore
import NIOHTTP1
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension HTTPFailure {
    /// What the network library threw, in plain words.
    init(explaining error: any Error) {
        switch error {
        case let failure as HTTPFailure:
            self = failure
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            self.init(.tls, "TLS failed: \(Self.words(tls: error))")
        case is HTTPParserError:
            self.init(.badAnswer, "the server's answer is no HTTP: \(error)")
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            self.init(.refused, "the host refused the connection")
        case let error as IOError where error.errnoCode == ECONNRESET || error.errnoCode == EPIPE:
            self.init(.closed, "the server broke the connection before it answered")
        case let error as ChannelError:
            if case .connectTimeout = error {
                self.init(.timedOut, "the host did not answer the connection in time")
            } else {
                self.init(.closed, "the connection ended early")
            }
        default:
            self.init(.unreachable, "the host could not be reached: \(error)")
        }
    }

    /// TLS libraries tell the reason as a word among places in their source.
    private static func words(tls error: any Error) -> String {
        if case NIOSSLExtraError.failedToValidateHostname? = error as? NIOSSLExtraError {
            return "the certificate is for another name"
        }
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return "the certificate is not trusted" }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return "the other side does not speak TLS: use http://"
        }
        return "the two sides cannot agree"
    }
}
