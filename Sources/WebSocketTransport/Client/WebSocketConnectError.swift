import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import TLSWords

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why a client could not open a WebSocket, in words for a log line or a status page. Never holds the query of the URL
/// or a header, which may be secret.
package enum WebSocketConnectError: Error, Equatable, CustomStringConvertible {
    case invalidURL(String)
    case invalidHeader(name: String)
    case hostNotFound(String)
    case refused(host: String, port: Int)
    case unreachable(String)
    case timedOut
    case tls(String)
    /// The server's certificate has other names than the one that was asked for.
    case wrongName
    /// Nobody who is trusted has signed the server's certificate, or it has expired.
    case untrusted
    /// The file with the certificates to trust cannot be used.
    case caFile(String)
    /// The certificate is another than the pinned one; its SHA-256.
    case notPinned(fingerprint: String)
    /// The server answered with this status instead of 101.
    case httpStatus(Int, reason: String)
    /// The answer is 101 but breaks RFC 6455 section 4.1, or it is no HTTP.
    case invalidAnswer(String)
    /// The connection ended before the HTTP answer was complete.
    case closedDuringHandshake

    package var description: String {
        switch self {
        case .invalidURL(let problem): "the URL is not valid: \(problem)"
        case .invalidHeader(let name): "the header \(name) holds a character that is not allowed"
        case .hostNotFound(let host): "the host \(host) was not found"
        case .refused(let host, let port): "\(host) refused the connection to port \(port)"
        case .unreachable(let problem): "the host could not be reached: \(problem)"
        case .timedOut: "the connection timed out"
        case .tls(let problem): "TLS failed: \(problem)"
        case .wrongName: "TLS failed: the certificate is for another name"
        case .untrusted: "TLS failed: the certificate is not trusted"
        case .caFile(let problem): problem
        case .notPinned(let fingerprint): "the certificate has the SHA-256 fingerprint \(fingerprint)"
        case .httpStatus(let status, let reason): "the server answered HTTP \(status) \(reason) instead of a WebSocket"
        case .invalidAnswer(let problem): "the server's answer is no WebSocket handshake: \(problem)"
        case .closedDuringHandshake: "the server closed the connection during the handshake"
        }
    }

    /// What went wrong while the TCP connection was made.
    init(connecting error: any Error, to address: WebSocketAddress) {
        switch error {
        case let error as NIOConnectionError where error.connectionErrors.isEmpty:
            self = .hostNotFound(address.host)
        case let error as NIOConnectionError:
            let errors = error.connectionErrors.map(\.error)
            let codes = errors.compactMap { ($0 as? IOError)?.errnoCode }
            if codes.contains(ECONNREFUSED) {
                self = .refused(host: address.host, port: address.port)
            } else if errors.contains(where: Self.isTimeout) {
                self = .timedOut
            } else {
                self = .unreachable(PlainWords.describe(error))
            }
        case _ where Self.isTimeout(error): self = .timedOut
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            self = .refused(host: address.host, port: address.port)
        default: self = .unreachable(PlainWords.describe(error))
        }
    }

    /// What went wrong between the TCP connection and the open WebSocket.
    init(upgrading error: any Error) {
        switch error {
        case let error as WebSocketConnectError: self = error
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            self =
                switch TLSWords.certificateProblem(error) {
                case .otherName: .wrongName
                case .untrusted: .untrusted
                case nil: .tls(PlainWords.describe(error))
                }
        case is ChannelError, is IOError: self = .closedDuringHandshake
        case is HTTPParserError: self = .invalidAnswer("it is no HTTP")
        // NIO says so of headers that are missing or wrong.
        default: self = .invalidAnswer("it is HTTP, but opens no WebSocket")
        }
    }

    private static func isTimeout(_ error: any Error) -> Bool {
        if case .connectTimeout? = error as? ChannelError { true } else { false }
    }
}
