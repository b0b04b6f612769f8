import JSON
import NIOCore
import NIOPosix
import WebSocketTransport

/// A browser as a test plays it: frames out, frames in.
final class BrowserClient: Sendable {
    private let socket: WebSocket
    private let frames: AsyncStream<JSONValue>

    private init(socket: WebSocket, frames: AsyncStream<JSONValue>) {
        self.socket = socket
        self.frames = frames
    }

    static func connect(
        port: Int, path: String = "/ws", headers: [(String, String)] = [], tls: WebSocketTLS? = nil
    ) async throws -> BrowserClient {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let (frames, continuation) = AsyncStream<JSONValue>.makeStream()
        let socket = try await eventLoop.flatSubmit {
            WebSocketClient.connect(
                url: tls == nil ? "ws://127.0.0.1:\(port)\(path)" : "wss://localhost:\(port)\(path)", headers: headers,
                tls: tls ?? WebSocketTLS(), on: eventLoop,
                delegate: Delegate(continuation: continuation))
        }.get()
        return BrowserClient(socket: socket, frames: frames)
    }

    func send(_ frame: JSONValue) { send(text: frame.encoded()) }

    func send(text: String) {
        let socket = socket
        socket.eventLoop.execute {
            socket.send(text: ByteBuffer(string: text))
            socket.flush()
        }
    }

    func close() {
        let socket = socket
        socket.eventLoop.execute { socket.close(code: 1000, reason: "") }
    }

    /// The next frame for which `condition` holds; those before it are passed over. A closed socket is a frame of the type
    /// `closed` with its code.
    func next(where condition: (JSONValue) -> Bool) async throws -> JSONValue {
        for await frame in frames {
            if condition(frame) { return frame }
            if frame["type"] == "closed" { throw Closed(code: frame["code"]?.int) }
        }
        throw Closed(code: nil)
    }

    func next(type: String) async throws -> JSONValue {
        try await next { $0["type"]?.string == type }
    }

    /// Sends a chat and collects its frames up to the end of its run.
    func chat(_ text: String, session: String, key: String) async throws -> Turn {
        send(["type": "chat", "sessionKey": .string(session), "message": .string(text), "idempotencyKey": .string(key)])
        var turn = Turn()
        while true {
            let frame = try await next {
                ($0["type"] == "chat" && $0["runId"]?.string == key) || $0["type"] == "error"
            }
            turn.take(frame)
            if turn.isOver { return turn }
        }
    }

    struct Closed: Error { let code: Int? }

    private final class Delegate: WebSocketDelegate {
        let continuation: AsyncStream<JSONValue>.Continuation

        init(continuation: AsyncStream<JSONValue>.Continuation) { self.continuation = continuation }

        func webSocketDidOpen(_ socket: WebSocket) {}
        func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) {
            if case .text(let bytes) = message, let value = try? JSONValue(parsing: bytes) { continuation.yield(value) }
        }
        func webSocketDidReadBurst(_ socket: WebSocket) {}
        func webSocketDidBecomeWritable(_ socket: WebSocket) {}
        func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {
            continuation.yield(["type": "closed", "code": .integer(Int64(closure.code ?? 0))])
            continuation.finish()
        }
    }
}

/// What a browser got of one run.
struct Turn {
    var states: [String] = []
    /// The deltas, joined as the protocol says.
    var streamed = ""
    var finalText: String?
    var error: JSONValue?
    var isOver = false

    mutating func take(_ frame: JSONValue) {
        guard frame["type"] == "chat", let state = frame["state"]?.string else {
            error = frame
            isOver = true
            return
        }
        if states.last != state { states.append(state) }
        switch state {
        case "delta":
            if frame["replace"] == true { streamed = "" }
            streamed += frame["text"]?.string ?? ""
        case "final", "aborted":
            finalText = frame["message"]?["content"]?.array?.compactMap { $0["text"]?.string }.joined()
            isOver = true
        case "error":
            error = frame["error"]
            isOver = true
        default:
            break
        }
    }
}
