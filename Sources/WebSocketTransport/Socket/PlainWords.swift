import NIOCore
import NIOPosix
import NIOSSL
import TLSWords

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
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: TLSWords.describe(error, withoutTLS: "ws://")
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

    private static func unique(_ texts: [String]) -> String {
        var seen: Set<String> = []
        return texts.filter { seen.insert($0).inserted }.joined(separator: ", ")
    }
}
