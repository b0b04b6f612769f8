import Logging
import MiddlewareKit
import NIOPosix
package import OpenClaw
package import Settings
package import Storage

/// What `sluice gateway test` and `sluice gateway add` do: handshakes as the server would do them, told step by step.
package struct GatewayTest: Sendable {
    private let gateway: GatewayConfiguration
    private let identity: DeviceIdentity
    private let tokens: DeviceTokens
    private let time = SystemTime()

    /// - Throws: When the key of this device cannot be used.
    package init(_ gateway: GatewayConfiguration, _ settings: Settings, storage: Database) async throws {
        self.gateway = gateway
        identity = try DeviceIdentity.loadOrCreate(path: settings.dataFolder + "/device.json")
        tokens = try await DeviceTokens.load(from: storage, identity: identity, logger: Self.silent)
    }

    /// Prints each step and the verdict.
    package func run(print: (String) -> Void) async -> ProbeReport {
        print("Testing \(gateway.name) at \(gateway.url)")
        let report = await probe { step in
            let time = "\(step.duration.wholeMilliseconds) ms"
            switch step.verdict {
            case .passed(let detail):
                print("  ok    \(step.name) (\(time))\(detail.isEmpty ? "" : ": \(detail)")")
            case .failed(let reason):
                print("  FAIL  \(step.name) (\(time)): \(reason)")
            }
            if let remedy = step.remedy { print("        What to do: \(remedy)") }
        }
        print(report.hasPassed ? "The gateway can be used." : "The gateway cannot be used yet.")
        return report
    }

    /// Tries again and again until the administrator of the gateway has approved this device.
    ///
    /// - Returns: Whether the gateway can be used; false when the time is over, or something else is in the way.
    package func waitForApproval(
        atMost limit: Duration, every pause: Duration, print: (String) -> Void
    ) async throws -> Bool {
        let began = time.uptime
        var told = ""
        while time.uptime - began < limit {
            try await time.sleep(for: pause)
            let report = await probe { _ in }
            if report.hasPassed { return true }
            let remedy = report.steps.last?.remedy ?? ""
            if case .failed(let reason)? = report.steps.last?.verdict, report.state != .pairing || remedy != told {
                print(
                    report.state == .pairing
                        ? "  waiting: \(remedy)" : "  FAIL  \(reason)\n        What to do: \(remedy)")
                told = remedy
            }
            guard report.state == .pairing else { return false }
            print("  waiting for the approval (\((time.uptime - began).components.seconds) s)")
        }
        return false
    }

    private func probe(onStep: (ProbeReport.Step) -> Void) async -> ProbeReport {
        let report = await GatewayProbe(
            gateway, identity: identity, version: Version.current,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(), time: time, logger: Self.silent,
            deviceTokens: tokens
        ).run(onStep: onStep)
        return report
    }

    /// Stores a device token that the gateway issued meanwhile.
    package func finish() async {
        tokens.finish()
        await tokens.writeChanges()
    }

    private static var silent: Logger { Logger(label: "sluice") { _ in SwiftLogNoOpLogHandler() } }
}
