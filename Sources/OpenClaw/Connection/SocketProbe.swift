import JSON
import MiddlewareKit
import NIOCore
import WebSocketTransport

/// Opens one socket to a gateway and waits for its challenge, to tell how far that comes.
enum SocketProbe {
    enum Event: Sendable {
        case milestone(ConnectMilestone)
        case opened
        case challenged
        case failed(ConnectFailure)
    }

    /// What happens, in order. The last one is `challenged` or `failed`; then the socket is closed.
    static func events(
        _ configuration: GatewayConfiguration, on eventLoop: any EventLoop
    ) -> AsyncStream<Event> {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingOldest(16))
        eventLoop.execute {
            var options = WebSocketOptions()
            options.pingInterval = nil
            let delegate = ChallengeDelegate(continuation)
            let late = eventLoop.assumeIsolated().scheduleTask(
                in: .milliseconds(GatewayStateMachine.handshakeTimeout.milliseconds)
            ) {
                delegate.finish(.failed(ConnectFailure(.noChallenge)))
            }
            delegate.onFinish = { late.cancel() }
            WebSocketClient.connect(
                url: configuration.url, options: options, tls: configuration.tls, on: eventLoop, delegate: delegate,
                onMilestone: { continuation.yield(.milestone($0)) }
            )
            .assumeIsolated()
            .whenFailure { error in
                let failure = (error as? WebSocketConnectError).map {
                    ConnectFailure($0, hasCAFile: configuration.tls.caFile != nil)
                }
                delegate.finish(.failed(failure ?? ConnectFailure(.unreachable, detail: PlainWords.describe(error))))
            }
        }
        return events
    }
}

/// Lives on the event loop.
private final class ChallengeDelegate: WebSocketDelegate {
    private let continuation: AsyncStream<SocketProbe.Event>.Continuation
    private var socket: WebSocket?
    var onFinish: () -> Void = {}

    init(_ continuation: AsyncStream<SocketProbe.Event>.Continuation) { self.continuation = continuation }

    func finish(_ event: SocketProbe.Event) {
        continuation.yield(event)
        continuation.finish()
        onFinish()
        onFinish = {}
        socket?.close(code: 1000, reason: "")
        socket = nil
    }

    func webSocketDidOpen(_ socket: WebSocket) {
        self.socket = socket
        continuation.yield(.opened)
    }

    func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) {
        guard case .text(let bytes) = message, let frame = try? JSONValue(parsing: bytes),
            frame["event"] == "connect.challenge"
        else { return }
        finish(.challenged)
    }

    func webSocketDidReadBurst(_ socket: WebSocket) {}
    func webSocketDidBecomeWritable(_ socket: WebSocket) {}

    func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {
        self.socket = nil
        finish(.failed(.closed(code: closure.code, reason: closure.reason)))
    }
}
