import MiddlewareKit
import NIOCore
import NIOHTTP1
import NIOSSL
import TLSWords

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
            self.init(.tls, "TLS failed: \(TLSWords.describe(error, withoutTLS: "http://"))")
        case is HTTPParserError:
            self.init(.badAnswer, "the server's answer is no HTTP")
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
        case let error as IOError:
            let words = String(cString: strerror(error.errnoCode)).lowercased()
            self.init(.unreachable, "the host could not be reached: \(words)")
        default:
            self.init(.unreachable, "the host could not be reached: \(error)")
        }
    }
}
