import JSON
import NIOCore
import NIOPosix
import Synchronization
import WebSocketTransport

/// One browser that chats through many gateways, one message after the other through each.
final class SteadyChats: WebSocketDelegate, Sendable {
    struct Figures: CustomStringConvertible {
        var latencies: [Duration] = []
        /// Errors, and chats that were not answered within ten seconds.
        var failures = 0

        var p50: Duration { percentile(0.5) }
        var p99: Duration { percentile(0.99) }

        private func percentile(_ part: Double) -> Duration {
            let sorted = latencies.sorted()
            return sorted.isEmpty ? .zero : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
        }

        var description: String {
            let most = latencies.max() ?? .zero
            let times = [p50, p99, most].map { ($0 / .milliseconds(1) * 10).rounded() / 10 }
            return "\(latencies.count) chats, \(times[0]) / \(times[1]) / \(times[2]) ms (p50, p99, most), "
                + "\(failures) failed"
        }
    }

    private let gateways: Int
    private let socket = Mutex<WebSocket?>(nil)
    private let waiting = Mutex<[String: CheckedContinuation<Bool, Never>]>([:])
    private let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    private let numbers = Atomic(0)

    private init(gateways: Int) { self.gateways = gateways }

    static func connect(port: Int, gateways: Int) async throws -> SteadyChats {
        let chats = SteadyChats(gateways: gateways)
        let eventLoop = chats.eventLoop
        _ = try await eventLoop.flatSubmit {
            WebSocketClient.connect(
                url: "ws://127.0.0.1:\(port)/ws", headers: [("Origin", "http://127.0.0.1:\(port)")], on: eventLoop,
                delegate: chats)
        }.get()
        return chats
    }

    func close() { send(nil) }

    /// Chats through every gateway until the time is over.
    func run(for duration: Duration) async throws -> Figures {
        let clock = ContinuousClock()
        let end = clock.now + duration
        return try await withThrowingTaskGroup(of: Figures.self) { tasks in
            for gateway in 0..<gateways {
                tasks.addTask {
                    var figures = Figures()
                    // Spread over the second.
                    try await Task.sleep(for: .milliseconds(1000 * gateway / self.gateways))
                    while clock.now < end {
                        let start = clock.now
                        if await self.chat(through: gateway) {
                            figures.latencies.append(start.duration(to: clock.now))
                        } else {
                            figures.failures += 1
                        }
                        try await Task.sleep(for: .seconds(1))
                    }
                    return figures
                }
            }
            var all = Figures()
            for try await figures in tasks {
                all.latencies += figures.latencies
                all.failures += figures.failures
            }
            return all
        }
    }

    /// False when the answer is an error, or does not come.
    private func chat(through gateway: Int) async -> Bool {
        let run = "run-\(numbers.add(1, ordering: .relaxed).newValue)"
        let late = eventLoop.scheduleTask(in: .seconds(10)) { self.finish(run, false) }
        defer { late.cancel() }
        return await withCheckedContinuation { continuation in
            waiting.withLock { $0[run] = continuation }
            send([
                "type": "chat", "gateway": .string("g\(gateway)"), "sessionKey": "agent:main:soak",
                "message": "Hello, how are you?", "idempotencyKey": .string(run),
            ])
        }
    }

    private func finish(_ run: String, _ isGood: Bool) {
        waiting.withLock { $0.removeValue(forKey: run) }?.resume(returning: isGood)
    }

    /// - Parameter frame: Nil: the connection is to be closed.
    private func send(_ frame: JSONValue?) {
        eventLoop.execute {
            self.socket.withLock { socket in
                guard let frame else { return socket?.close(code: 1000, reason: "") ?? () }
                socket?.send(text: ByteBuffer(string: frame.encoded()))
                socket?.flush()
            }
        }
    }

    // MARK: On the event loop

    func webSocketDidOpen(_ socket: WebSocket) { self.socket.withLock { $0 = socket } }

    func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) {
        guard case .text(let bytes) = message, let frame = try? JSONValue(parsing: bytes),
            let run = frame["runId"]?.string
        else { return }
        switch (frame["type"]?.string, frame["state"]?.string) {
        case ("chat", "final"): finish(run, true)
        case ("error", _), ("chat", "error"), ("chat", "aborted"): finish(run, false)
        default: break
        }
    }

    func webSocketDidReadBurst(_ socket: WebSocket) {}
    func webSocketDidBecomeWritable(_ socket: WebSocket) {}
    func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {}
}
