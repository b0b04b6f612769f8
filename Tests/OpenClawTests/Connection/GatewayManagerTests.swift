import JSON
import Logging
import MiddlewareKit
import MiddlewareTesting
import NIOCore
import NIOPosix
import Testing

@testable import OpenClaw

@Suite(.timeLimit(.minutes(1))) struct GatewayManagerTests {
    @Test func chatAndMetadata() async throws {
        try await ScriptedGateway.serve { url in
            try await Fixture.run([configuration(url)]) { fixture in
                let manager = fixture.manager
                var metadata: GatewayMetadata?
                for await case .metadata(let update) in fixture.notes {
                    metadata = update
                    if !update.agents.isEmpty, !update.models.isEmpty, update.defaultModel != nil { break }
                }
                #expect(metadata?.models.map(\.id) == ["p/m"])
                #expect(metadata?.defaultModel == "p/m")
                let canonicalKey = await manager.canonicalKey("X", gateway: "home")
                #expect(canonicalKey == "agent:ops:x")
                let chat = ChatRequest(sessionKey: "X", message: "hi", idempotencyKey: "k")
                let started = try await manager.sendChat(gateway: "home", chat)
                #expect(started == .started(runID: "k"))
                var events: [ChatEvent] = []
                for await case .event(let event, let sessionKey) in fixture.notes {
                    #expect(sessionKey == "agent:ops:x")
                    events.append(event)
                    if event.isTerminal { break }
                }
                let final = ChatEvent.final(ChatMessage(role: "assistant", text: "Hello"))
                #expect(events == [.delta(.append("Hel")), .delta(.append("lo")), final])
                #expect(await manager.status(of: "home")?.state == .ready)
            }
        }
    }

    @Test func requestsAndTheirErrors() async throws {
        try await ScriptedGateway.serve { url in
            try await Fixture.run([configuration(url)]) { fixture in
                let manager = fixture.manager
                await fixture.isReady()
                let stop = ChatRequest(sessionKey: "main", message: "stop", idempotencyKey: "s")
                let stopped = try await manager.sendChat(gateway: "home", stop)
                #expect(stopped == .stopped(runIDs: ["a"]))
                let aborted = try await manager.abort(gateway: "home", sessionKey: "main", runID: nil)
                #expect(aborted.aborted && aborted.runIDs == ["k"])
                let text = String(repeating: "x", count: ScriptedGateway.maxPayload)
                let large = ChatRequest(sessionKey: "main", message: text, idempotencyKey: "l")
                await #expect {
                    _ = try await manager.sendChat(gateway: "home", large)
                } throws: {
                    if case .frameTooLarge(_, ScriptedGateway.maxPayload)? = $0 as? GatewayError { true } else { false }
                }
                await #expect(throws: GatewayError.unknownGateway("other")) {
                    _ = try await manager.request(gateway: "other", method: "a", params: [:])
                }
                // The gateway closes the socket: what waits for an answer fails at once.
                async let silent = failure(of: "silence", manager)
                async let closing = failure(of: "close", manager)
                let errors = await [silent, closing]
                #expect(errors == [.connectionLost, .connectionLost])
                // Under load it may be on its way back already, so its state is not looked at.
                #expect(await manager.status(of: "home")?.lastError != nil)
            }
        }
    }

    @Test func oneFailingGatewayDisturbsNoOther() async throws {
        try await ScriptedGateway.serve { url in
            var refused = configuration(url)
            refused.id = "refused"
            refused.token = Secret("wrong")
            var gone = configuration("ws://127.0.0.1:1")
            gone.id = "gone"
            try await Fixture.run([gone, refused, configuration(url)]) { fixture in
                await fixture.isReady()
                var states: [String: GatewayStatus.State] = [:]
                repeat {
                    for (configuration, status) in await fixture.manager.statuses {
                        states[configuration.id] = status.state
                    }
                    await Task.yield()
                } while states["refused"] != .refused || states["gone"] != .backingOff
                #expect(states["home"] == .ready)
                await fixture.manager.remove(id: "gone")
                await fixture.manager.add(configuration(url))
                #expect(await fixture.manager.statuses.map(\.0.id) == ["refused", "home"])
                #expect(await fixture.manager.status(of: "home")?.state == .ready)
            }
        }
    }

    @Test func probe() async throws {
        try await ScriptedGateway.serve { url in
            let report = await probe(configuration(url))
            #expect(report.hasPassed)
            #expect(
                report.steps.map(\.name)
                    == ["address", "connect", "WebSocket", "challenge", "handshake", "permissions", "agents", "models"])
            var wrong = configuration(url)
            wrong.token = nil
            let failed = await probe(wrong)
            #expect(!failed.hasPassed)
            #expect(failed.steps.last?.name == "handshake")
            #expect(failed.steps.last?.remedy?.contains("token") == true)
            let gone = await probe(configuration("ws://127.0.0.1:1"))
            #expect(gone.steps.map(\.name) == ["address", "connect"])
            #expect(gone.steps.last?.remedy?.contains("18789") == true)
            let mistake = await probe(configuration("http" + url.dropFirst(2)))
            #expect(mistake.steps.map(\.name) == ["address"])
            #expect(mistake.steps.last?.remedy == "Write \(url) instead.")
            let noTLS = await probe(configuration("wss" + url.dropFirst(2)))
            #expect(noTLS.steps.map(\.name) == ["address", "connect", "TLS"])
            #expect(noTLS.steps.last?.remedy?.contains("use ws://") == true)
        }
    }

    private func failure(of method: String, _ manager: GatewayManager) async -> GatewayError? {
        do throws(GatewayError) {
            _ = try await manager.request(gateway: "home", method: method, params: [:])
            return nil
        } catch {
            return error
        }
    }

    private func configuration(_ url: String) -> GatewayConfiguration {
        GatewayConfiguration(id: "home", name: "Home", url: url, token: Secret("secret"))
    }

    private func probe(_ configuration: GatewayConfiguration) async -> ProbeReport {
        await GatewayProbe(
            configuration, identity: DeviceIdentity(), version: "1.0.0",
            eventLoop: NIOSingletons.posixEventLoopGroup.next(),
            time: ManualTime(start: Timestamp(milliseconds: 1_737_264_000_000)), logger: .silent
        ).run()
    }
}

/// A manager with an observer whose calls a test can await.
private struct Fixture {
    enum Note: Sendable {
        case status(GatewayStatus)
        case metadata(GatewayMetadata)
        case event(ChatEvent, sessionKey: String)
        case notice(GatewayNotice)
    }

    let manager: GatewayManager
    /// Of the gateway `home`.
    let notes: AsyncStream<Note>

    static func run(_ configurations: [GatewayConfiguration], _ body: (Fixture) async throws -> Void) async throws {
        let (notes, continuation) = AsyncStream.makeStream(of: Note.self)
        let manager = GatewayManager(
            eventLoop: NIOSingletons.posixEventLoopGroup.next(),
            identity: DeviceIdentity(),
            time: ManualTime(start: Timestamp(milliseconds: 1_737_264_000_000)),
            logger: .silent,
            version: "1.0.0"
        )
        await manager.setObserver(Observer(continuation: continuation))
        await manager.start(configurations)
        do {
            try await body(Fixture(manager: manager, notes: notes))
        } catch {
            await manager.stop()
            throw error
        }
        await manager.stop()
    }

    func isReady() async {
        for await case .status(let status) in notes where status.state == .ready { return }
    }

    final class Observer: GatewayObserver {
        let continuation: AsyncStream<Note>.Continuation

        init(continuation: AsyncStream<Note>.Continuation) { self.continuation = continuation }

        func gateway(_ id: String, didChange status: GatewayStatus) {
            if id == "home" { continuation.yield(.status(status)) }
        }
        func gateway(_ id: String, didUpdate metadata: GatewayMetadata) {
            if id == "home" { continuation.yield(.metadata(metadata)) }
        }
        func gateway(_ id: String, run: GatewayRun, didReceive event: ChatEvent) {
            if id == "home" { continuation.yield(.event(event, sessionKey: run.sessionKey)) }
        }
        func gateway(_ id: String, didReceive notice: GatewayNotice) {
            if id == "home" { continuation.yield(.notice(notice)) }
        }
        func gatewayDidReadBurst(_ id: String) {}
    }
}

extension Logger {
    fileprivate static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
