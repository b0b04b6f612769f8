import JSON
import NIOCore
import NIOPosix
import WebSocketTransport

@testable import OpenClawTesting

/// A bare WebSocket that knows nothing of the protocol but frames and request ids.
final class TestClient: WebSocketDelegate, Sendable {
    enum Arrival: Sendable, Equatable {
        case frame(JSONValue)
        /// Text that is no JSON.
        case text(String)
        case binary
        case closed(code: UInt16?, reason: String)
    }

    let arrivals = Mailbox<Arrival>(capacity: 10_000)
    private let eventLoop: any EventLoop
    private let socket: NIOLoopBoundBox<WebSocket?>

    private init(on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        socket = .makeEmptyBox(eventLoop: eventLoop)
    }

    static func connect(to gateway: FakeGateway, options: WebSocketOptions = WebSocketOptions()) async throws
        -> TestClient
    {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let client = TestClient(on: eventLoop)
        let url = await gateway.url
        try await eventLoop.flatSubmit {
            WebSocketClient.connect(url: url, options: options, on: eventLoop, delegate: client)
                .map { client.socket.value = $0 }
        }
        .get()
        return client
    }

    func webSocketDidOpen(_ socket: WebSocket) {}
    func webSocketDidReadBurst(_ socket: WebSocket) {}
    func webSocketDidBecomeWritable(_ socket: WebSocket) {}

    func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) {
        switch message {
        case .binary: arrivals.deliver(.binary)
        case .text(let bytes):
            if let frame = try? JSONValue(parsing: bytes) {
                arrivals.deliver(.frame(frame))
            } else {
                arrivals.deliver(.text(String(buffer: bytes)))
            }
        }
    }

    func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {
        arrivals.deliver(.closed(code: closure.code, reason: closure.reason))
    }

    // MARK: Sending

    func send(_ text: String) async throws {
        try await eventLoop.submit { [socket] in
            socket.value?.send(text: ByteBuffer(string: text))
            socket.value?.flush()
        }
        .get()
    }

    func send(_ method: String, _ parameters: JSONValue? = nil, id: String) async throws {
        var frame: JSONObject = ["type": "req", "id": .string(id), "method": .string(method)]
        frame["params"] = parameters
        try await send(JSONValue.object(frame).encoded())
    }

    /// Sends a request and waits for its answer.
    func request(_ method: String, _ parameters: JSONValue? = nil, id: String = "r1") async throws -> JSONValue {
        try await send(method, parameters, id: id)
        return try await response(id)
    }

    func close() async throws {
        try await eventLoop.submit { [socket] in socket.value?.close(code: 1000, reason: "") }.get()
    }

    // MARK: Receiving, each the oldest that was not looked at yet

    func next() async throws -> Arrival { try await arrivals.next() }

    func response(_ id: String) async throws -> JSONValue {
        try await frame { $0["type"] == "res" && $0["id"]?.string == id }
    }

    func event(_ name: String) async throws -> JSONValue {
        try await frame { $0["event"]?.string == name }
    }

    /// The payload of the next chat event.
    func chat() async throws -> JSONValue { try await event("chat")["payload"] ?? .null }

    /// The chat events up to the one that ends the run.
    func wholeRun() async throws -> [JSONValue] {
        var events: [JSONValue] = []
        repeat { events.append(try await chat()) } while events.last?["state"] == "delta"
        return events
    }

    func closure() async throws -> Arrival {
        try await arrivals.next { if case .closed = $0 { true } else { false } }
    }

    private func frame(where matches: @escaping @Sendable (JSONValue) -> Bool) async throws -> JSONValue {
        let arrival = try await arrivals.next { arrival in
            switch arrival {
            case .frame(let frame): matches(frame)
            case .closed: true
            default: false
            }
        }
        guard case .frame(let frame) = arrival else { throw Closed(arrival: arrival) }
        return frame
    }

    /// The connection ended while something else was expected.
    struct Closed: Error { let arrival: Arrival }
}

extension JSONValue {
    /// The text of a chat event's `message`.
    var messageText: String? {
        self["message"]?["content"]?.array?.compactMap { $0["text"]?.string }.joined()
    }
}
