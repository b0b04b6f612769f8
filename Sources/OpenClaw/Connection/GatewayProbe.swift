import JSON
package import Logging
package import MiddlewareKit
package import NIOCore
import WebSocketTransport

/// Tries one gateway, step by step, and tells what works: `sluice gateway test`.
package struct GatewayProbe: Sendable {
    private static let retryLimit = 20

    let configuration: GatewayConfiguration
    let identity: DeviceIdentity
    let version: String
    let eventLoop: any EventLoop
    let time: any TimeSource
    let logger: Logger
    let deviceTokens: (any DeviceTokenStore)?

    package init(
        _ configuration: GatewayConfiguration,
        identity: DeviceIdentity,
        version: String,
        eventLoop: any EventLoop,
        time: any TimeSource,
        logger: Logger,
        deviceTokens: (any DeviceTokenStore)? = nil
    ) {
        self.configuration = configuration
        self.identity = identity
        self.version = version
        self.eventLoop = eventLoop
        self.time = time
        self.logger = logger
        self.deviceTokens = deviceTokens
    }

    /// Connects, asks for agents and models, and disconnects. Takes at most about a minute.
    ///
    /// - Parameter onStep: Called as soon as a step is over.
    package func run(onStep: (ProbeReport.Step) -> Void = { _ in }) async -> ProbeReport {
        var report = ProbeReport(gateway: configuration.name)
        await checkSocket { step in
            report.steps.append(step)
            onStep(step)
        }
        guard report.hasPassed else { return report }
        await checkProtocol { step, state in
            report.steps.append(step)
            report.state = state ?? report.state
            onStep(step)
        }
        return report
    }

    // MARK: Up to the challenge

    private func checkSocket(_ onStep: (ProbeReport.Step) -> Void) async {
        if let problem = WebSocketClient.problem(withURL: configuration.url) {
            let remedy = Self.correction(ofURL: configuration.url) ?? ConnectError.invalidURL.remedy
            return onStep(.init("address", .failed(reason: problem), .zero, remedy: remedy))
        }
        onStep(.init("address", .passed(configuration.url), .zero))
        let isSecure = configuration.url.lowercased().hasPrefix("wss://")
        var names = isSecure ? ["connect", "TLS", "WebSocket", "challenge"] : ["connect", "WebSocket", "challenge"]
        var began = time.uptime
        for await event in SocketProbe.events(configuration, on: eventLoop) {
            let name = names.removeFirst()
            let duration = time.uptime - began
            began = time.uptime
            switch event {
            case .milestone(.secured):
                let isPinned = configuration.tls.pin != nil
                onStep(
                    .init(name, .passed(isPinned ? "the pinned certificate" : "the certificate is trusted"), duration))
            case .milestone(.connected), .opened, .challenged: onStep(.init(name, .passed(""), duration))
            case .failed(let failure):
                onStep(.init(name, .failed(reason: failure.reason), duration, remedy: failure.remedy))
            }
        }
    }

    /// What was probably meant; nil: no idea.
    static func correction(ofURL url: String) -> String? {
        for (wrong, right) in [("http://", "ws://"), ("https://", "wss://")] where url.lowercased().hasPrefix(wrong) {
            return "Write \(right)\(url.dropFirst(wrong.count)) instead."
        }
        if !url.contains("://"), WebSocketClient.problem(withURL: "ws://\(url)") == nil {
            return "Write ws://\(url) instead."
        }
        return nil
    }

    // MARK: From the connect request on

    private func checkProtocol(_ onStep: (ProbeReport.Step, GatewayStatus.State?) -> Void) async {
        let (statuses, continuation) = AsyncStream.makeStream(
            of: GatewayStatus.self,
            bufferingPolicy: .bufferingNewest(16)
        )
        let observer = ProbeObserver(continuation: continuation)
        let hasSecret = configuration.token != nil || configuration.password != nil
        let isLetInByDeviceToken = !hasSecret && deviceTokens?.deviceToken(of: configuration) != nil
        let connection = GatewayConnection(
            configuration: configuration,
            identity: identity,
            version: version,
            eventLoop: eventLoop,
            time: time,
            logger: logger,
            observer: observer,
            deviceTokens: deviceTokens
        )
        var began = time.uptime
        var retries = 0
        await connection.start()
        loop: for await status in statuses {
            let duration = time.uptime - began
            let failure = ProbeReport.Verdict.failed(reason: status.reason ?? status.state.rawValue)
            switch status.state {
            case .connecting: continue
            case .handshaking: began = time.uptime
            // A gateway that is starting, or a special second try.
            case .backingOff where status.attempts == 0 && retries < Self.retryLimit: retries += 1
            case .ready:
                var words = Self.describe(status)
                if isLetInByDeviceToken { words += "; let in by the device token that it had issued" }
                let scopes = configuration.wantedScopes.joined(separator: ", ")
                if status.code == ConnectError.onlyDeviceToken.codes[0] {
                    words += status.reason.map { "; \($0)" } ?? ""
                    onStep(.init("handshake", .passed(words), duration, remedy: status.remedy), .ready)
                    onStep(.init("permissions", .passed(scopes), .zero), nil)
                } else {
                    onStep(.init("handshake", .passed(words), duration), .ready)
                    onStep(.init("permissions", .passed(status.reason ?? scopes), .zero, remedy: status.remedy), nil)
                }
                await ask("agents.list", "agents", connection, onStep)
                await ask("models.list", "models", connection, onStep)
                break loop
            case .limited:
                onStep(.init("handshake", .passed(Self.describe(status)), duration), .limited)
                onStep(.init("permissions", failure, .zero, remedy: status.remedy), nil)
                break loop
            case .pairing, .backingOff, .refused, .stopped:
                onStep(.init("handshake", failure, duration, remedy: status.remedy), status.state)
                break loop
            }
        }
        let closed = await connection.stop()
        // A socket that ended with an error is gone as well.
        try? await closed?.get()
        withExtendedLifetime(observer) {}
    }

    private static func describe(_ status: GatewayStatus) -> String {
        let version = status.serverVersion.map { "gateway \($0), " } ?? ""
        return "\(version)protocol \(status.protocolVersion ?? 0)"
    }

    private func ask(
        _ method: String,
        _ member: String,
        _ connection: GatewayConnection,
        _ onStep: (ProbeReport.Step, GatewayStatus.State?) -> Void
    ) async {
        let began = time.uptime
        do throws(GatewayError) {
            let answer = try await connection.request(method, params: [:])
            let count = (answer[member]?.array ?? answer.array ?? []).count
            onStep(.init(member, .passed("\(count)"), time.uptime - began), nil)
        } catch {
            onStep(.init(member, .failed(reason: "\(error)"), time.uptime - began), nil)
        }
    }
}

/// What a probe found, step by step; it ends with the first step of the connection that failed.
package struct ProbeReport: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable {
        case passed(_ detail: String)
        case failed(reason: String)
    }

    package struct Step: Sendable, Equatable {
        package var name: String
        package var verdict: Verdict
        package var duration: Duration
        package var remedy: String?

        init(_ name: String, _ verdict: Verdict, _ duration: Duration, remedy: String? = nil) {
            self.name = name
            self.verdict = verdict
            self.duration = duration
            self.remedy = remedy
        }
    }

    package var gateway: String
    package var steps: [Step] = []
    /// How the handshake ended; nil: it did not come so far.
    package var state: GatewayStatus.State?

    package var hasPassed: Bool {
        steps.allSatisfy { if case .passed = $0.verdict { true } else { false } }
    }
}

private final class ProbeObserver: GatewayObserver {
    private let continuation: AsyncStream<GatewayStatus>.Continuation

    init(continuation: AsyncStream<GatewayStatus>.Continuation) { self.continuation = continuation }

    func gateway(_ id: String, didChange status: GatewayStatus) { continuation.yield(status) }
    func gateway(_ id: String, didUpdate metadata: GatewayMetadata) {}
    func gateway(_ id: String, run: GatewayRun, didReceive event: ChatEvent) {}
    func gateway(_ id: String, didReceive notice: GatewayNotice) {}
    func gatewayDidReadBurst(_ id: String) {}
}
