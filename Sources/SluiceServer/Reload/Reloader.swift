import BrowserEndpoint
import Files
package import JSON
import Logging
import MiddlewareKit
import OpenClaw
import PipelineEngine
import Settings
import Storage
import WebSocketTransport

/// The configuration in use. Reads it again when it is asked to: builds all, checks all, then swaps.
///
/// Whatever goes wrong, the old configuration stays in use. Runs under way end on the chain that they began with; gateways
/// whose entries did not change keep their connections, stages whose entries did not change keep their state.
package actor Reloader {
    /// The parts of the server that a configuration concerns.
    struct Parts: Sendable {
        let hub: BrowserHub
        let gateways: GatewayManager
        let storage: Database
        let factory: ChainFactory
        /// Nil: the server speaks no TLS.
        var tls: ServerTLS?
        let time: any TimeSource
        let logger: Logger
    }

    private let file: String
    private let read: @Sendable (_ running: ServerSettings?) throws(UnreadableFile) -> LoadedSettings
    private let parts: Parts
    private let metrics = ReloadMetrics()
    private var current: ConfigurationInUse
    private var chains: ChainSet
    private var loadedAt: Timestamp
    private var last: (report: ReloadReport, at: Timestamp, trigger: String)?
    /// By whether it is a dry run.
    private let turns = Turns<Bool, ReloadReport>()
    private var isEnding = false

    init(
        file: String, current: LoadedSettings, chains: ChainSet, parts: Parts,
        read: @escaping @Sendable (_ running: ServerSettings?) throws(UnreadableFile) -> LoadedSettings
    ) {
        self.file = file
        self.read = read
        self.parts = parts
        self.current = ConfigurationInUse(current)
        self.chains = chains
        stamps = current.stamps
        files = Self.files(of: current)
        loadedAt = parts.time.now
        metrics.start(generation: chains.generation, at: loadedAt)
    }

    /// Every file that the configuration in use, or the one that failed last, was read from, as it was just before.
    private(set) var stamps: [FileStamp]
    /// Their names, for people.
    private var files: [String]

    private static func files(of loaded: LoadedSettings) -> [String] { loaded.paths.map(loaded.shownName) }

    /// Waits for a reload that is under way, and then reads the files: once for all who asked meanwhile.
    ///
    /// - Parameter trigger: Who asks, for the log: "SIGHUP".
    package func reload(trigger: String, isDryRun: Bool = false) async -> ReloadReport {
        await turns.take(isDryRun) { await self.reloadNow(trigger, isDryRun: isDryRun) }
    }

    private func reloadNow(_ trigger: String, isDryRun: Bool) async -> ReloadReport {
        guard !isEnding else { return ReloadReport(outcome: .stopping, generation: chains.generation) }
        let report = await attempt(isDryRun: isDryRun)
        guard !isDryRun else { return report }
        switch report.outcome {
        case .failed:
            parts.logger.error("\(report.summary)", metadata: ["trigger": "\(trigger)"])
            for finding in report.findings {
                parts.logger.log(level: finding.severity == .error ? .error : .warning, "\(finding)")
            }
        default:
            parts.logger.info("\(report.summary)", metadata: ["trigger": "\(trigger)"])
        }
        last = (report, parts.time.now, trigger)
        metrics.record(report, at: parts.time.now)
        await parts.hub.showConfiguration(
            generation: chains.generation, problem: report.outcome == .failed ? report.summary : nil)
        return report
    }

    /// There are no reloads any more, and one that is under way waits for no stage: the server is to end.
    func stop() async {
        isEnding = true
        await turns.cancel()
    }

    private func attempt(isDryRun: Bool) async -> ReloadReport {
        var report = ReloadReport(outcome: .failed, generation: chains.generation)
        report.followsFailure = last?.report.outcome == .failed
        let new: LoadedSettings
        let before = stamps.map { FileStamp(of: $0.path) }
        do throws(UnreadableFile) {
            new = try read(current.server)
        } catch {
            // So that a file that comes back as it was is read again.
            if !isDryRun { stamps = before }
            report.problem = error.description
            return report
        }
        if !isDryRun { (stamps, files) = (new.stamps, Self.files(of: new)) }
        report.findings = new.findings.all
        if let problem = current.emptied(by: new) {
            report.problem = new.hidingValues(in: problem)
            return report
        }
        guard let settings = new.settings else { return report }
        if let finding = current.lostGate(in: new) {
            report.findings.append(finding)
            return report
        }
        var certificate: ServerTLS.Identity?
        do throws(ServerTLS.Problem) {
            if parts.tls != nil, let files = settings.tlsFiles { certificate = try ServerTLS.read(files) }
        } catch {
            report.problem = error.description
            return report
        }
        report.changes = current.changes(to: new)
        guard !current.isUnchanged(by: new) else {
            // The files may hold a newer one all the same.
            if let certificate, !isDryRun { report.hasNewCertificate = parts.tls?.use(certificate) ?? false }
            report.outcome = .unchanged
            return report
        }
        guard !isDryRun else {
            report.outcome = .possible
            return report
        }
        do {
            let next = try await parts.factory.make(new.chains, generation: chains.generation + 1, reusing: chains)
            await parts.hub.use(next)
            chains = next
            if let certificate { parts.tls?.use(certificate) }
            await parts.hub.reviewConnections()
            await apply(gateways: settings.gateways)
            await StrandedWebhooks(store: parts.storage, time: parts.time, logger: parts.logger).report(new)
        } catch {
            report.problem = new.hidingValues(in: "\(error)")
            return report
        }
        current.use(new)
        loadedAt = parts.time.now
        report.outcome = .applied
        report.generation = chains.generation
        return report
    }

    /// Connects to new gateways, leaves those that are gone, and does not touch those that stay as they are.
    private func apply(gateways: [GatewaySettings]) async {
        let new = gateways.map(GatewayConfiguration.init)
        let old = (current.last.settings?.gateways ?? []).map(\.id.value)
        // Those that were added at run time come back when the file no longer names them.
        let stored = (try? await parts.storage.gatewayConfigurations(parts.logger)) ?? []
        for id in old where !new.contains(where: { $0.id == id }) {
            if let stored = stored.first(where: { $0.id == id }) {
                await parts.hub.useGateway(stored)
            } else {
                await parts.hub.retireGateway(id)
            }
        }
        for gateway in new { await parts.hub.useGateway(gateway) }
    }
}

extension Reloader: ConfigurationControl {
    package func status() -> JSONValue {
        var status: JSONObject = [
            "generation": .integer(Int64(chains.generation)), "loadedAt": .integer(loadedAt.milliseconds),
            "file": .string(file), "files": .array(files.map { .string($0) }), "lastReload": .null,
        ]
        if let last, case .object(var report) = last.report.json {
            report["at"] = .integer(last.at.milliseconds)
            report["trigger"] = .string(last.trigger)
            status["lastReload"] = .object(report)
        }
        return .object(status)
    }

    package func reload(isDryRun: Bool) async -> (isGood: Bool, answer: JSONValue) {
        let report = await reload(trigger: "API", isDryRun: isDryRun)
        return (![.failed, .stopping].contains(report.outcome), report.json)
    }
}
