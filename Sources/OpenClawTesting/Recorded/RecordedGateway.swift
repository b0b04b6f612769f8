import JSON
import NIOCore
import NIOPosix
import WebSocketTransport

/// A gateway on a real socket that says again what a recorded one said: each of its frames comes once the client has sent the
/// request before it. For one connection; the client's requests keep the ids that it gives them.
///
/// What is not in the recording, such as the lists that a client reads by itself, is refused, and changes nothing.
public actor RecordedGateway {
    private let recording: GatewayRecording
    private let eventLoop: any EventLoop
    public nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }
    private var position = 0
    /// The client's ids by those of the recording.
    private var ids: [String: String] = [:]
    private var listener: (any Channel)?
    private var socket: WebSocket?

    /// The requests that the recording's client sent, apart from `connect`, each as soon as it is waited for. Ends with the
    /// recording.
    public nonisolated let expected: AsyncStream<RecordedRequest>
    private let continuation: AsyncStream<RecordedRequest>.Continuation

    public init(_ recording: GatewayRecording) {
        self.recording = recording
        eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        (expected, continuation) = AsyncStream.makeStream()
    }

    /// Listens on a free port of 127.0.0.1.
    ///
    /// - Returns: The address for the client.
    public func start() async throws -> String {
        var options = WebSocketOptions()
        options.pingInterval = nil
        // A socket that is given up with something unread takes from the client what it has not read yet.
        options.closeTimeout = .seconds(30)
        let listener = try await GatewayListener.bind(host: "127.0.0.1", port: 0, on: eventLoop, options: options) {
            _ in
            RecordedPeer(gateway: self)
        }
        .get()
        self.listener = listener
        return "ws://127.0.0.1:\(listener.localAddress?.port ?? 0)"
    }

    public func stop() async {
        continuation.finish()
        socket?.close(code: 1012, reason: "service restart")
        // Both can only fail because the channel is closed already.
        try? await listener?.close().get()
        try? await socket?.closeFuture.get()
    }

    // MARK: The peer's calls, on the event loop

    fileprivate func didOpen(_ socket: WebSocket) {
        guard self.socket == nil else { return socket.close(code: 1013, reason: "one connection only") }
        self.socket = socket
        play()
    }

    fileprivate func didReceive(_ bytes: ByteBuffer) {
        guard let frame = try? JSONValue(parsing: bytes), let request = try? RequestFrame(frame) else { return }
        guard position < recording.lines.count,
            case .request(let id, let method, let parameters) = recording.lines[position],
            method == request.method, parameters["idempotencyKey"] == request.parameters["idempotencyKey"]
        else {
            let error: JSONValue = ["code": "INVALID_REQUEST", "message": "not in the recording"]
            return send(["type": "res", "id": .string(request.id), "ok": false, "error": error])
        }
        ids[id] = request.id
        position += 1
        play()
    }

    /// Says what comes before the next request.
    private func play() {
        while position < recording.lines.count {
            switch recording.lines[position] {
            case .frame(let frame):
                var frame = frame
                if let id = frame["id"]?.string, let known = ids[id], var members = frame.object {
                    members["id"] = .string(known)
                    frame = .object(members)
                }
                send(frame)
                position += 1
            case .request(let id, let method, let parameters):
                guard method != "connect" else { return }
                continuation.yield(
                    RecordedRequest(connection: 1, id: id, method: method, parameters: parameters))
                return
            case .close(let code, let reason):
                socket?.close(code: code, reason: reason)
                position += 1
            }
        }
        continuation.finish()
    }

    private func send(_ frame: JSONValue) {
        var bytes = ByteBuffer()
        bytes.writeJSON(frame)
        socket?.send(text: bytes)
        socket?.flush()
    }
}

/// The socket's side of the connection, on the gateway's event loop.
private final class RecordedPeer: WebSocketDelegate, Sendable {
    private let gateway: RecordedGateway

    init(gateway: RecordedGateway) { self.gateway = gateway }

    func webSocketDidOpen(_ socket: WebSocket) { gateway.assumeIsolated { $0.didOpen(socket) } }

    func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) {
        guard case .text(let bytes) = message else { return }
        gateway.assumeIsolated { $0.didReceive(bytes) }
    }

    func webSocketDidReadBurst(_ socket: WebSocket) {}
    func webSocketDidBecomeWritable(_ socket: WebSocket) {}
    func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {}
}
