package import MiddlewareKit
package import NIOCore
import NIOHTTP1
import NIOPosix
package import NIOSSL
import Synchronization

/// Makes HTTP calls to addresses that the rules of the call allow, and to no others.
///
/// A name is looked up once. All of its addresses must be allowed, and the connection goes to one of those addresses, not to
/// the name: a second look-up could give another address. TLS still asks for the name and checks the certificate against it.
/// Each call has a connection of its own, and calls are not made on the thread that serves the browsers.
package final class GuardedHTTPClient: HTTPCaller {
    private let group: any EventLoopGroup
    private let resolver: any NameResolver
    private let tls: TLSContext
    private let userAgent: String

    /// - Parameter tls: For `https`; nil trusts the system's certificates.
    package init(
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        resolver: any NameResolver = SystemResolver(),
        tls: TLSConfiguration? = nil, userAgent: String = "Sluice"
    ) {
        self.group = group
        self.resolver = resolver
        self.tls = TLSContext(tls ?? .makeClientConfiguration())
        self.userAgent = userAgent
    }

    package func send(_ call: HTTPCall) async throws -> HTTPAnswer {
        if let words = call.rules.refusal(ofPort: call.url.port) { throw HTTPFailure(.forbidden, words) }
        let eventLoop = group.next()
        let answer = eventLoop.makePromise(of: HTTPAnswer.self)
        return try await withTaskCancellationHandler {
            start(call, on: eventLoop, answer)
            return try await answer.futureResult.get()
        } onCancel: {
            answer.fail(CancellationError())
        }
    }

    /// Completes `answer` in any case. Whoever completes it earlier ends the call.
    private func start(_ call: HTTPCall, on eventLoop: any EventLoop, _ answer: EventLoopPromise<HTTPAnswer>) {
        let deadline = NIODeadline.now() + TimeAmount(call.timeout)
        let timeout = eventLoop.scheduleTask(deadline: deadline) {
            answer.fail(HTTPFailure(.timedOut, "there was no connection within \(call.timeout)"))
        }
        let context = call.url.isSecure ? tls.context(on: eventLoop).map { $0 } : eventLoop.makeSucceededFuture(nil)
        let resolver = resolver
        let request = request(for: call)
        let connected = context.flatMap { context in
            resolver.addresses(of: call.url.host, port: call.url.port, on: eventLoop)
                .flatMapErrorThrowing { _ in
                    throw HTTPFailure(.hostNotFound, "the host \(call.url.host) was not found")
                }
                .flatMapThrowing { try Self.allowed($0, by: call.rules) }
                .flatMap { addresses in
                    Self.connect(addresses[...], on: eventLoop, call.timeout) { channel in
                        let collector = AnswerCollector(
                            request: request, body: call.body, limit: call.maxAnswer, deadline: deadline, answer)
                        try channel.pipeline.syncOperations.add(collector, call.url, context)
                    }
                }
        }
        connected.whenComplete { result in
            timeout.cancel()
            switch result {
            case .success(let channel): answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
            case .failure(let error): answer.fail(HTTPFailure(explaining: error))
            }
        }
    }

    private func request(for call: HTTPCall) -> HTTPRequestHead {
        var headers = HTTPHeaders([("Host", call.url.authority), ("User-Agent", userAgent)])
        headers.add(contentsOf: call.headers.map { ($0.name, $0.value) })
        headers.replaceOrAdd(name: "Content-Length", value: "\(call.body.count)")
        headers.replaceOrAdd(name: "Connection", value: "close")
        return HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: call.method), uri: call.url.target, headers: headers)
    }

    /// All or none: a name with one private address is not to be trusted with the others.
    private static func allowed(_ addresses: [SocketAddress], by rules: AddressRules) throws -> [SocketAddress] {
        for address in addresses {
            guard let text = address.ipAddress, let ip = IPAddress(text) else {
                throw HTTPFailure(.forbidden, "the host has an address that is no IP address")
            }
            if let words = rules.refusal(of: ip) {
                throw HTTPFailure(.forbidden, "the address \(text) may not be called: \(words)")
            }
        }
        return addresses
    }

    /// The first address that lets itself be connected to.
    private static func connect(
        _ addresses: ArraySlice<SocketAddress>, on eventLoop: any EventLoop, _ timeout: Duration,
        _ configure: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        guard let address = addresses.first else {
            return eventLoop.makeFailedFuture(HTTPFailure(.unreachable, "the host has no address"))
        }
        return ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(timeout / addresses.count))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try configure(channel) } }
            .connect(to: address)
            .flatMapError { error in
                let rest = addresses.dropFirst()
                guard !rest.isEmpty else { return eventLoop.makeFailedFuture(error) }
                return connect(rest, on: eventLoop, timeout, configure)
            }
    }
}

extension ChannelPipeline.SynchronousOperations {
    fileprivate func add(_ collector: AnswerCollector, _ url: HTTPAddress, _ tls: NIOSSLContext?) throws {
        if let tls {
            // Server Name Indication knows names only (RFC 6066 section 3); the certificate of an IP address is checked
            // against the address that the connection goes to.
            let name = IPAddress(url.host) == nil ? url.host : nil
            try addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
        }
        try addHTTPClientHandlers()
        try addHandler(collector)
    }
}

/// Made when it is first needed, off the event loop, because it reads the system's certificates from disk; then kept.
private final class TLSContext: Sendable {
    private let configuration: TLSConfiguration
    private let kept = Mutex<NIOSSLContext?>(nil)

    init(_ configuration: TLSConfiguration) { self.configuration = configuration }

    func context(on eventLoop: any EventLoop) -> EventLoopFuture<NIOSSLContext> {
        if let context = kept.withLock(\.self) { return eventLoop.makeSucceededFuture(context) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            let context = try NIOSSLContext(configuration: self.configuration)
            self.kept.withLock { $0 = context }
            return context
        }
    }
}
