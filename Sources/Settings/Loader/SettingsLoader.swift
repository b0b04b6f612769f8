import Foundation
package import MiddlewareKit

/// What a configuration file says, and all that was found in it.
package struct LoadedSettings: Sendable {
    /// Nil when there are errors.
    package let settings: Settings?
    /// The enabled stages in the order of the file; empty when there are errors.
    package let stages: [PlannedStage]
    /// Errors and warnings in the order of their positions.
    package let findings: Findings
}

/// A configuration file that cannot be opened or read.
package struct UnreadableFile: Error, Sendable, Hashable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String { "cannot read \(path): \(reason)" }
}

/// From the text of a configuration file to checked values. Opens nothing but that file, and starts nothing.
package enum SettingsLoader {
    /// - Throws: ``UnreadableFile``; what is wrong in the file is in the findings instead.
    package static func load(
        path: String, environment: [String: String], catalog: [any MiddlewarePlugin.Type]
    ) throws(UnreadableFile) -> LoadedSettings {
        load(text: try bytes(of: path), file: path, environment: environment, catalog: catalog)
    }

    package static func load(
        text: [UInt8], file: String, environment: [String: String], catalog: [any MiddlewarePlugin.Type]
    ) -> LoadedSettings {
        var (node, findings) = ConfigFile.read(text: text, file: file, environment: environment)
        guard let node, var settings = Settings.salvage(node, findings: &findings) else {
            return LoadedSettings(settings: nil, stages: [], findings: findings)
        }
        // A gateway without id has its finding already.
        let ids = settings.gateways.map(\.id).filter { !$0.value.isEmpty }
        findings.reportDuplicates(ids, what: "two gateways have the id", hint: "ids must be unique")
        checkTLS(of: settings.gateways, findings: &findings)
        let hostPlace = node["server"]?["host"]?.position ?? node.position
        if node["pipeline"]?.isNull ?? true {
            // The host is all that can make the default pipeline wrong.
            settings.pipeline = StageEntry.defaultPipeline(at: hostPlace)
        }
        let beyondLoopback = settings.server.listensBeyondLoopback
        if beyondLoopback { checkAuth(of: settings, at: hostPlace, findings: &findings) }
        var planner = StagePlanner(
            catalog: catalog, environment: StageEnvironment(listensBeyondLoopback: beyondLoopback)
        )
        planner.plan(settings.pipeline)
        findings.add(planner.findings)
        return LoadedSettings(
            settings: findings.hasErrors ? nil : settings,
            stages: findings.hasErrors ? [] : planner.stages,
            findings: findings
        )
    }

    /// Who can reach the server can read every conversation, so somebody has to ask who is there.
    private static func checkAuth(of settings: Settings, at place: SourcePosition, findings: inout Findings) {
        let asks = settings.pipeline.contains { $0.use.value == "auth" && $0.enabled && $0.mode == .enforce }
        guard !asks else { return }
        findings.error(
            at: place,
            "other machines can reach this address, and no `auth` stage asks who they are",
            hint: "add `- use: auth` at the top of the pipeline, or set `host: 127.0.0.1`"
        )
    }

    /// Without TLS nothing would be checked, which nobody who writes `tls` expects.
    private static func checkTLS(of gateways: [GatewaySettings], findings: inout Findings) {
        for gateway in gateways where gateway.tls.isSet && gateway.url.lowercased().hasPrefix("ws://") {
            findings.error(
                at: gateway.id.position, "the gateway has `tls`, but its `url` begins with ws://", hint: "write wss://")
        }
    }

    private static func bytes(of path: String) throws(UnreadableFile) -> [UInt8] {
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            // One byte more than allowed is enough to know that the file is too large.
            return Array(try file.read(upToCount: ConfigFile.sizeLimit + 1) ?? Data())
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
            throw UnreadableFile(path: path, reason: "there is no such file")
        } catch let error as CocoaError where error.code == .fileReadNoPermission {
            throw UnreadableFile(path: path, reason: "permission denied")
        } catch {
            throw UnreadableFile(path: path, reason: error.localizedDescription)
        }
    }
}
