import Dispatch
package import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Finds the addresses of a name.
package protocol NameResolver: Sendable {
    /// The future fails, or succeeds with at least one address, on `eventLoop`.
    func addresses(of host: String, port: Int, on eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]>
}

/// The resolver of the operating system.
package struct SystemResolver: NameResolver {
    package init() {}

    package func addresses(
        of host: String, port: Int, on eventLoop: any EventLoop
    ) -> EventLoopFuture<[SocketAddress]> {
        let promise = eventLoop.makePromise(of: [SocketAddress].self)
        // A look-up blocks its thread, for minutes when a name server is away. Dispatch makes more threads for those that
        // come meanwhile.
        DispatchQueue.global(qos: .utility).async {
            promise.completeWith(Result { try Self.lookUp(host, port) })
        }
        return promise.futureResult
    }

    private struct NotFound: Error {}

    private static func lookUp(_ host: String, _ port: Int) throws -> [SocketAddress] {
        var hints = addrinfo()
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0 else { throw NotFound() }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let info = next?.pointee {
            // The C interface hands out a `sockaddr` that is in truth of the family's own, longer type.
            switch info.ai_family {
            case AF_INET:
                info.ai_addr.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    addresses.append(SocketAddress($0.pointee))
                }
            case AF_INET6:
                info.ai_addr.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    addresses.append(SocketAddress($0.pointee))
                }
            default: break
            }
            next = info.ai_next
        }
        guard !addresses.isEmpty else { throw NotFound() }
        return addresses
    }
}
