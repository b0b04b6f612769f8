import NIOCore
import NIOHTTP1
import NIOPosix

@testable import WebSocketTransport

/// Real sockets on 127.0.0.1, for tests of client and server together.
enum Loopback {
    static let group: MultiThreadedEventLoopGroup = .singleton

    /// Runs a server for as long as `body` runs.
    static func withServer(
        options: WebSocketOptions = WebSocketOptions(),
        accept: @escaping @Sendable (HTTPRequestHead) -> UpgradeDecision,
        _ body: (WebSocketServer) async throws -> Void
    ) async throws {
        let server = try await WebSocketServer.bind(on: group, options: options, accept: accept).get()
        do {
            try await body(server)
        } catch {
            try await server.shutdown().get()
            throw error
        }
        try await server.shutdown().get()
    }

    /// Connects on an event loop, where also the delegate is made.
    static func connect(
        _ url: String,
        headers: [(String, String)] = [],
        options: WebSocketOptions = WebSocketOptions(),
        on eventLoop: any EventLoop = group.next(),
        delegate: @escaping @Sendable () -> any WebSocketDelegate
    ) -> EventLoopFuture<WebSocket> {
        eventLoop.flatSubmit {
            WebSocketClient.connect(url: url, headers: headers, options: options, on: eventLoop, delegate: delegate())
        }
    }

    /// The error that connecting fails with.
    static func connectError(_ url: String, options: WebSocketOptions = WebSocketOptions()) async
        -> WebSocketConnectError?
    {
        do {
            _ = try await connect(url, options: options) { RecordingDelegate() }.get()
            return nil
        } catch {
            return error as? WebSocketConnectError
        }
    }
}

extension WebSocketServer {
    var url: String { "ws://127.0.0.1:\(localPort)/" }
}

extension UpgradeDecision {
    /// Sends back every text.
    static let echo = UpgradeDecision.accept {
        let delegate = RecordingDelegate()
        delegate.onMessage = { socket, message in
            if case .text(let text) = message { socket.send(text: text) }
        }
        return delegate
    }
}
