import JSON
package import Logging
package import MiddlewareKit
package import NIOCore

/// Tries one gateway and tells what works: `sluice gateway test`.
package enum GatewayProbe {
    private static let retryLimit = 20

    /// Connects once, asks for agents and models, and disconnects. Takes at most about a minute.
    package static func run(
        _ configuration: GatewayConfiguration,
        identity: DeviceIdentity,
        version: String,
        eventLoop: any EventLoop,
        time: any TimeSource,
        logger: Logger
    ) async -> ProbeReport {
        let (statuses, continuation) = AsyncStream.makeStream(
            of: GatewayStatus.self,
            bufferingPolicy: .bufferingNewest(16)
        )
        let observer = ProbeObserver(continuation: continuation)
        let connection = GatewayConnection(
            configuration: configuration,
            identity: identity,
            version: version,
            eventLoop: eventLoop,
            time: time,
            logger: logger,
            observer: observer
        )
        var report = ProbeReport(gateway: configuration.name, steps: [])
        var began = time.uptime
        var retries = 0
        await connection.start()
        loop: for await status in statuses {
            let duration = time.uptime - began
            let failure = ProbeReport.Verdict.failed(reason: status.reason ?? status.state.rawValue)
            let name = report.steps.isEmpty ? "open socket" : "handshake"
            switch status.state {
            case .connecting: continue
            // A gateway that is starting, or a special second try.
            case .backingOff where status.attempts == 0 && retries < retryLimit:
                retries += 1
                report.steps = []
            case .handshaking: report.add("open socket", .passed(""), duration)
            case .ready:
                report.add("handshake", .passed(describe(status)), duration)
                report.add("permissions", .passed(configuration.scopes.joined(separator: ", ")), .zero)
                break loop
            case .limited:
                report.add("handshake", .passed(describe(status)), duration)
                report.add("permissions", failure, .zero, remedy: status.remedy)
                break loop
            case .pairing, .backingOff, .refused, .stopped:
                report.add(name, failure, duration, remedy: status.remedy)
                break loop
            }
            began = time.uptime
        }
        if report.hasPassed {
            await ask("agents.list", "agents", connection, time, &report)
            await ask("models.list", "models", connection, time, &report)
        }
        let closed = await connection.stop()
        // A socket that ended with an error is gone as well.
        try? await closed?.get()
        withExtendedLifetime(observer) {}
        return report
    }

    private static func describe(_ status: GatewayStatus) -> String {
        let version = status.serverVersion.map { "gateway \($0), " } ?? ""
        return "\(version)protocol \(status.protocolVersion ?? 0)"
    }

    private static func ask(
        _ method: String,
        _ member: String,
        _ connection: GatewayConnection,
        _ time: any TimeSource,
        _ report: inout ProbeReport
    ) async {
        let began = time.uptime
        do throws(GatewayError) {
            let answer = try await connection.request(method, params: [:])
            let count = (answer[member]?.array ?? answer.array ?? []).count
            report.add(member, .passed("\(count)"), time.uptime - began)
        } catch {
            report.add(member, .failed(reason: "\(error)"), time.uptime - began)
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
    }

    package var gateway: String
    package var steps: [Step]

    package var hasPassed: Bool {
        steps.allSatisfy { if case .passed = $0.verdict { true } else { false } }
    }

    mutating func add(_ name: String, _ verdict: Verdict, _ duration: Duration, remedy: String? = nil) {
        steps.append(Step(name: name, verdict: verdict, duration: duration, remedy: remedy))
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
