package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// Opens WebSockets to servers.
package enum WebSocketClient {
    /// Connects and does the HTTP upgrade. Sends no Origin header and offers no extension.
    ///
    /// Call it on `eventLoop`; the future completes there, after the delegate's `webSocketDidOpen`. The delegate hears
    /// nothing when the future fails, always with a `WebSocketConnectError`. Bytes that come together with the server's
    /// 101 answer are not lost: they are the first messages.
    ///
    /// - Parameters:
    ///   - url: `ws://` or `wss://`, ports 80 and 443 by default; path and query are kept.
    ///   - headers: Sent besides those of the handshake.
    ///   - tls: For `wss`.
    ///   - onMilestone: Called on the event loop.
    package static func connect(
        url: String,
        headers: [(String, String)] = [],
        options: WebSocketOptions = WebSocketOptions(),
        tls: WebSocketTLS = WebSocketTLS(),
        on eventLoop: any EventLoop,
        delegate: any WebSocketDelegate,
        onMilestone: @escaping @Sendable (ConnectMilestone) -> Void = { _ in }
    ) -> EventLoopFuture<WebSocket> {
        let delegate = NIOLoopBound(delegate, eventLoop: eventLoop)
        let address: WebSocketAddress
        do {
            address = try WebSocketAddress(url)
            for (name, value) in headers where (name + value).utf8.contains(where: { $0 < 0x20 && $0 != 0x09 }) {
                throw WebSocketConnectError.invalidHeader(name: name.filter { !$0.isNewline })
            }
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
        return tlsContext(address, tls, on: eventLoop).flatMap { tlsContext in
            let attempt = Attempt(
                address: address, headers: headers, options: options, tls: tls, tlsContext: tlsContext,
                delegate: delegate, onMilestone: onMilestone)
            return ClientBootstrap(group: eventLoop)
                .connectTimeout(options.handshakeTimeout)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: address.host, port: address.port)
                .flatMapErrorThrowing { throw WebSocketConnectError(connecting: $0, to: address) }
                .flatMap { channel in
                    onMilestone(.connected)
                    return attempt.upgrade(channel)
                }
        }
    }

    /// Off the event loop, because it reads certificates from disk.
    private static func tlsContext(
        _ address: WebSocketAddress,
        _ tls: WebSocketTLS,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<NIOSSLContext?> {
        guard address.isSecure else { return eventLoop.makeSucceededFuture(nil) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try tls.makeContext() }
            .flatMapErrorThrowing {
                throw $0 as? WebSocketConnectError ?? WebSocketConnectError.tls(PlainWords.describe($0))
            }
    }
}

/// What is needed between the TCP connection and the open WebSocket.
private struct Attempt: Sendable {
    let address: WebSocketAddress
    let headers: [(String, String)]
    let options: WebSocketOptions
    let tls: WebSocketTLS
    let tlsContext: NIOSSLContext?
    let delegate: NIOLoopBound<any WebSocketDelegate>
    let onMilestone: @Sendable (ConnectMilestone) -> Void

    func upgrade(_ channel: any Channel) -> EventLoopFuture<WebSocket> {
        let opened = channel.eventLoop.makePromise(of: WebSocket.self)
        let timeout = channel.eventLoop.scheduleTask(in: options.handshakeTimeout) {
            opened.fail(WebSocketConnectError.timedOut)
        }
        // The fingerprint of a certificate that is not the pinned one.
        let rejected = NIOLoopBoundBox<String?>(nil, eventLoop: channel.eventLoop)
        do {
            if let tlsContext {
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(tls.makeHandler(tlsContext, host: address.host, rejected: rejected))
                try pipeline.addHandler(TLSWatch { [onMilestone] in onMilestone(.secured) })
            }
            var fields = HTTPHeaders([("Host", address.authority)])
            fields.add(contentsOf: headers)
            let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: address.target, headers: fields)
            try WebSocketClientUpgrade.add(to: channel, request: request) { channel in
                try WebSocketHandler.install(on: channel, role: .client, options: options, delegate: delegate.value)
            }
            .cascade(to: opened)
        } catch {
            opened.fail(error)
        }
        opened.futureResult.whenComplete { result in
            timeout.cancel()
            if case .failure = result { channel.close(promise: nil) }
        }
        return opened.futureResult.flatMapErrorThrowing { error in
            if let fingerprint = rejected.value { throw WebSocketConnectError.notPinned(fingerprint: fingerprint) }
            throw WebSocketConnectError(upgrading: error)
        }
    }
}
