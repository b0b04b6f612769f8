import JSON
import Logging
import MiddlewareKit
import NIOCore
import NIOPosix
import OpenClawTesting
import Testing

@testable import OpenClaw

/// Recorded gateways over a real socket, against a manager that is driven as the server drives it.
@Suite(.timeLimit(.minutes(1))) struct SocketPlaybackTests {
    struct Outcome: Sendable {
        var state = GatewayStatus.State.backingOff
        var code = "CONNECTION_LOST"
        /// How the runs ended, in order.
        var ends: [String] = []
    }

    /// What each recording must lead to. All but the refused ones end because the recording does.
    static let outcomes: [String: Outcome] = [
        "abort": Outcome(ends: ["aborted", "aborted", "aborted"]),
        "bad-token": Outcome(state: .refused, code: "AUTH_TOKEN_MISMATCH"),
        "chat-basic": Outcome(ends: ["final", "final"]),
        "concurrent": Outcome(ends: ["final", "final", "final", "final", "final"]),
        "empty-reply": Outcome(ends: ["final"]),
        "gateway-shutdown": Outcome(code: "GATEWAY_STOPPED"),
        "handshake": Outcome(),
        "model-error": Outcome(ends: ["failed"]),
        "no-device-identity": Outcome(ends: ["final"]),
        "no-token": Outcome(state: .refused, code: "AUTH_TOKEN_MISSING"),
        "plain-session-key": Outcome(ends: ["final"]),
        "protocol-mismatch": Outcome(state: .refused, code: "PROTOCOL_MISMATCH"),
        "protocol-range": Outcome(),
        "slash-command": Outcome(ends: ["final"]),
        "ticks": Outcome(),
        "tool-call": Outcome(ends: ["final"]),
        "two-clients.A": Outcome(ends: ["final"]),
        "two-clients.B": Outcome(ends: ["final"]),
    ]

    @Test(arguments: Recording.names)
    func endsAsExpected(name: String) async throws {
        let outcome = try #require(Self.outcomes[name])
        let gateway = RecordedGateway(try GatewayRecording(try Recording.text(name)))
        let url = try await gateway.start()
        let (events, continuation) = AsyncStream.makeStream(of: PlaybackObserver.Event.self)
        let observer = PlaybackObserver(continuation)
        let manager = GatewayManager(
            eventLoop: NIOSingletons.posixEventLoopGroup.next(), identity: DeviceIdentity(), time: HourlyTime(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, version: "test")
        await manager.setObserver(observer)
        var configuration = GatewayConfiguration(id: "home", name: "Home", url: url, token: Secret("secret-token"))
        configuration.retryDelay = .seconds(3600)
        await manager.start([configuration])

        try await withThrowingTaskGroup(of: Void.self) { tasks in
            var ends: [String] = []
            var texts: [String: String] = [:]
            for await event in events {
                switch event {
                case .delta(let run, .append(let text)): texts[run, default: ""] += text
                case .delta(let run, .replace(let text)): texts[run] = text
                case .ended(let run, let how, let text):
                    ends.append(how)
                    if let text, let streamed = texts[run] { #expect(streamed == text, "run \(run)") }
                case .status(let status) where status.state == .ready:
                    // The requests of the recording's client, each when its turn has come, without waiting for answers.
                    tasks.addTask {
                        await withDiscardingTaskGroup { requests in
                            for await request in gateway.expected {
                                requests.addTask { await Self.send(request, manager) }
                            }
                        }
                    }
                case .status(let status):
                    guard [.backingOff, .refused].contains(status.state) else { continue }
                    #expect(status.state == outcome.state)
                    #expect(status.code == outcome.code)
                    #expect(ends == outcome.ends)
                    continuation.finish()
                }
            }
            await manager.stop()
            await gateway.stop()
            try await tasks.waitForAll()
        }
        withExtendedLifetime(observer) {}
    }

    private static func send(_ request: RecordedRequest, _ manager: GatewayManager) async {
        let parameters = request.parameters
        let key = parameters["sessionKey"]?.string ?? ""
        switch request.method {
        case "chat.send":
            let chat = ChatRequest(
                sessionKey: key, message: parameters["message"]?.string ?? "",
                idempotencyKey: parameters["idempotencyKey"]?.string ?? "")
            // How runs end is what counts; the connection may be gone before the answer.
            _ = try? await manager.sendChat(gateway: "home", chat)
        case "chat.abort":
            _ = try? await manager.abort(gateway: "home", sessionKey: key, runID: parameters["runId"]?.string)
        default:
            _ = try? await manager.request(gateway: "home", method: request.method, params: parameters)
        }
    }
}

/// Wakes nobody in time: what waits for long is over before.
private struct HourlyTime: TimeSource {
    private let moment = TestTime().now
    var now: Timestamp { moment.wall }
    var uptime: Duration { moment.uptime }
    func sleep(for duration: Duration) async throws { try await Task.sleep(for: .seconds(3600)) }
}

private final class PlaybackObserver: GatewayObserver {
    enum Event: Sendable {
        case status(GatewayStatus)
        case delta(run: String, TextIncrement)
        case ended(run: String, how: String, text: String?)
    }

    private let continuation: AsyncStream<Event>.Continuation

    init(_ continuation: AsyncStream<Event>.Continuation) { self.continuation = continuation }

    func gateway(_ id: String, didChange status: GatewayStatus) { continuation.yield(.status(status)) }

    func gateway(_ id: String, run: GatewayRun, didReceive event: ChatEvent) {
        switch event {
        case .delta(let change): continuation.yield(.delta(run: run.id, change))
        case .final(let message): continuation.yield(.ended(run: run.id, how: "final", text: message?.text))
        case .aborted(let message, _): continuation.yield(.ended(run: run.id, how: "aborted", text: message?.text))
        case .failed: continuation.yield(.ended(run: run.id, how: "failed", text: nil))
        case .status: break
        }
    }

    func gateway(_ id: String, didUpdate metadata: GatewayMetadata) {}
    func gateway(_ id: String, didReceive notice: GatewayNotice) {}
    func gatewayDidReadBurst(_ id: String) {}
}
