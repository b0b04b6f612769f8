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
/// Each call has a connection of its own, unless it may arrive twice: such calls leave their connection open for the next one to
/// the same place by the same rules. Calls are not made on the thread that serves the browsers.
package final class GuardedHTTPClient: HTTPCaller {
    private let group: any EventLoopGroup
    private let resolver: any NameResolver
    private let tls: TLSContext
    private let userAgent: String
    private let kept: KeptConnections

    /// - Parameters:
    ///   - tls: For `https`; nil trusts the system's certificates.
    ///   - idleTime: How long a connection is left open for the next call.
    package init(
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        resolver: any NameResolver = SystemResolver(),
        tls: TLSConfiguration? = nil, userAgent: String = "Sluice",
        idleTime: Duration = .seconds(15)
    ) {
        self.group = group
        self.resolver = resolver
        self.tls = TLSContext(tls ?? .makeClientConfiguration())
        self.userAgent = userAgent
        kept = KeptConnections(idleTime: idleTime)
    }

    package func send(_ call: HTTPCall) async throws -> HTTPAnswer {
        if let words = call.rules.refusal(ofPort: call.url.port) { throw HTTPFailure(.forbidden, words) }
        let deadline = NIODeadline.now() + TimeAmount(call.timeout)
        if call.mayArriveTwice, let connection = kept.take(KeptConnections.Place(call)) {
            do {
                return try await answer(to: call, by: deadline, on: connection.channel.eventLoop) { question in
                    self.ask(question, over: connection, for: call)
                }
            } catch let failure as HTTPFailure where failure.reason == .closed {
                // The server had enough of the connection; that says nothing about the call.
            }
        }
        return try await answer(to: call, by: deadline, on: group.next()) { question in
            self.connect(for: call, question)
        }
    }

    /// - Parameter start: Sees to it that the question is answered in any case. Whoever answers it earlier ends the call.
    private func answer(
        to call: HTTPCall, by deadline: NIODeadline, on eventLoop: any EventLoop, _ start: (Question) -> Void
    ) async throws -> HTTPAnswer {
        let question = Question(
            request: request(for: call), body: call.body, limit: call.maxAnswer, deadline: deadline,
            answer: eventLoop.makePromise())
        return try await withTaskCancellationHandler {
            start(question)
            return try await question.answer.futureResult.get().answer
        } onCancel: {
            question.answer.fail(CancellationError())
        }
    }

    private func ask(_ question: Question, over connection: KeptConnections.Connection, for call: HTTPCall) {
        question.answer.futureResult.whenComplete { self.settle(connection, after: $0, to: call) }
        connection.channel.eventLoop.execute { connection.collector.value.ask(question) }
    }

    /// The connection is kept or closed once its question is answered.
    private func settle(
        _ connection: KeptConnections.Connection, after answer: Result<CollectedAnswer, any Error>, to call: HTTPCall
    ) {
        if call.mayArriveTwice, case .success(let answer) = answer, answer.isReusable {
            kept.put(connection, KeptConnections.Place(call))
        } else {
            connection.channel.close(promise: nil)
        }
    }

    private func connect(for call: HTTPCall, _ question: Question) {
        let (answer, eventLoop) = (question.answer, question.answer.futureResult.eventLoop)
        let timeout = eventLoop.scheduleTask(deadline: question.deadline) {
            answer.fail(HTTPFailure(.timedOut, "there was no connection within \(call.timeout)"))
        }
        let made = NIOLoopBoundBox.makeEmptyBox(valueType: KeptConnections.Connection.self, eventLoop: eventLoop)
        // Before the caller hears of the answer, so that the connection is there for its next call.
        answer.futureResult.whenComplete { result in
            if let connection = made.value { self.settle(connection, after: result, to: call) }
        }
        let context = call.url.isSecure ? tls.context(on: eventLoop).map { $0 } : eventLoop.makeSucceededFuture(nil)
        let resolver = resolver
        let connected = context.flatMap { context in
            resolver.addresses(of: call.url.host, port: call.url.port, on: eventLoop)
                .flatMapErrorThrowing { _ in
                    throw HTTPFailure(.hostNotFound, "the host \(call.url.host) was not found")
                }
                .flatMapThrowing { try Self.allowed($0, by: call.rules) }
                .flatMap { addresses in
                    Self.connect(addresses[...], on: eventLoop, call.timeout) { channel in
                        try channel.pipeline.syncOperations.add(AnswerCollector(question), call.url, context)
                    }
                }
                .flatMapThrowing { channel in
                    let collector = try channel.pipeline.syncOperations.handler(type: AnswerCollector.self)
                    return KeptConnections.Connection(
                        channel: channel, collector: NIOLoopBound(collector, eventLoop: eventLoop), madeAt: .now())
                }
        }
        connected.whenComplete { [kept] result in
            timeout.cancel()
            switch result {
            case .success(let connection):
                if call.mayArriveTwice {
                    connection.channel.closeFuture.whenComplete { _ in
                        kept.forget(connection.channel, KeptConnections.Place(call))
                    }
                }
                made.value = connection
                // Also when that was before there was a connection.
                answer.futureResult.whenFailure { _ in connection.channel.close(promise: nil) }
            case .failure(let error): answer.fail(HTTPFailure(explaining: error))
            }
        }
    }

    private func request(for call: HTTPCall) -> HTTPRequestHead {
        var headers = HTTPHeaders([("Host", call.url.authority), ("User-Agent", userAgent)])
        headers.add(contentsOf: call.headers.map { ($0.name, $0.value) })
        headers.replaceOrAdd(name: "Content-Length", value: "\(call.body.count)")
        headers.replaceOrAdd(name: "Connection", value: call.mayArriveTwice ? "keep-alive" : "close")
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
