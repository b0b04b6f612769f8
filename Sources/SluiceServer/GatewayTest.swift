import Logging
import MiddlewareKit
import NIOPosix
package import OpenClaw
package import Settings

/// What `sluice gateway test` does: one handshake, told step by step.
package enum GatewayTest {
    /// - Returns: whether the server could work with the gateway.
    package static func run(
        _ gateway: GatewayConfiguration, _ settings: Settings, print: (String) -> Void
    ) async throws -> Bool {
        let identity = try DeviceIdentity.loadOrCreate(path: settings.dataFolder + "/device.json")
        print("Testing \(gateway.name) at \(gateway.url)")
        let report = await GatewayProbe.run(
            gateway, identity: identity, version: Version.current,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(), time: SystemTime(),
            logger: Logger(label: "sluice") { _ in SwiftLogNoOpLogHandler() })
        for step in report.steps {
            let time = "\(step.duration.wholeMilliseconds) ms"
            switch step.verdict {
            case .passed(let detail):
                print("  ok    \(step.name) (\(time))\(detail.isEmpty ? "" : ": \(detail)")")
            case .failed(let reason):
                print("  FAIL  \(step.name) (\(time)): \(reason)")
                if let remedy = step.remedy { print("        What to do: \(remedy)") }
            }
        }
        print(report.hasPassed ? "The gateway can be used." : "The gateway cannot be used yet.")
        return report.hasPassed
    }
}
