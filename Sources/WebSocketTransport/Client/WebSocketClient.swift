package import NIOCore
import NIOHTTP1
import NIOPosix
package import NIOSSL
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
    ///   - tls: For `wss`; nil trusts the system's certificates.
    package static func connect(
        url: String,
        headers: [(String, String)] = [],
        options: WebSocketOptions = WebSocketOptions(),
        tls: TLSConfiguration? = nil,
        on eventLoop: any EventLoop,
        delegate: any WebSocketDelegate
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
            ClientBootstrap(group: eventLoop)
                .connectTimeout(options.handshakeTimeout)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: address.host, port: address.port)
                .flatMapErrorThrowing { throw WebSocketConnectError(connecting: $0, to: address) }
                .flatMap { channel in
                    upgrade(channel, address, headers, tlsContext, options, delegate)
                }
        }
    }

    /// Off the event loop, because it reads the system's certificates from disk.
    private static func tlsContext(
        _ address: WebSocketAddress,
        _ configuration: TLSConfiguration?,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<NIOSSLContext?> {
        guard address.isSecure else { return eventLoop.makeSucceededFuture(nil) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            try NIOSSLContext(configuration: configuration ?? .makeClientConfiguration())
        }
        .flatMapErrorThrowing { throw WebSocketConnectError.tls("\($0)") }
    }

    private static func upgrade(
        _ channel: any Channel,
        _ address: WebSocketAddress,
        _ headers: [(String, String)],
        _ tlsContext: NIOSSLContext?,
        _ options: WebSocketOptions,
        _ delegate: NIOLoopBound<any WebSocketDelegate>
    ) -> EventLoopFuture<WebSocket> {
        let opened = channel.eventLoop.makePromise(of: WebSocket.self)
        let timeout = channel.eventLoop.scheduleTask(in: options.handshakeTimeout) {
            opened.fail(WebSocketConnectError.timedOut)
        }
        do {
            if let tlsContext {
                // Server Name Indication knows names only (RFC 6066 section 3).
                let name = address.host.isIPAddress ? nil : address.host
                try channel.pipeline.syncOperations.addHandler(
                    NIOSSLClientHandler(context: tlsContext, serverHostname: name))
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
        return opened.futureResult.flatMapErrorThrowing { throw WebSocketConnectError(upgrading: $0) }
    }
}

extension String {
    fileprivate var isIPAddress: Bool { (try? SocketAddress(ipAddress: self, port: 0)) != nil }
}
