import Foundation
import Logging
import MiddlewareKit
import NIOCore
import NIOPosix
import OpenClawTesting
import Testing

@testable import OpenClaw

/// Fifty gateways on real sockets, of which twenty flap. Takes as many seconds as the variable says, so it is not part of
/// an ordinary run: `SLUICE_SOAK=180 swift test --filter SoakTests`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["SLUICE_SOAK"] != nil)) struct SoakTests {
    private static let steadyCount = 30
    private static let flappingCount = 20

    @Test func manyGatewaysForSomeMinutes() async throws {
        let seconds = Int(ProcessInfo.processInfo.environment["SLUICE_SOAK"] ?? "") ?? 180
        var gateways: [FakeGateway] = []
        for _ in 0..<(Self.steadyCount + Self.flappingCount) {
            var options = FakeGateway.Options()
            options.tickInterval = .seconds(2)
            let gateway = FakeGateway(options: options)
            try await gateway.start()
            gateways.append(gateway)
        }
        let manager = GatewayManager(
            eventLoop: NIOSingletons.posixEventLoopGroup.next(), identity: DeviceIdentity(), time: RealTime(),
            logger: Logger(label: "soak") { _ in SwiftLogNoOpLogHandler() }, version: "1.0.0")
        for (index, gateway) in gateways.enumerated() {
            await manager.add(GatewayConfiguration(id: "g\(index)", name: "", url: await gateway.url))
        }
        let flapping = gateways[Self.steadyCount...]
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for gateway in flapping { tasks.addTask { try await flap(gateway) } }
            for second in stride(from: 0, through: seconds, by: 10) {
                let states = await manager.statuses.map(\.1)
                let ready = states.count { $0.state == .ready }
                print(
                    "soak: \(second) s, \(ready) ready, \(Self.residentKiB()) KiB resident, \(Self.openFiles()) files")
                #expect(Self.openFiles() < 300)
                try await Task.sleep(for: .seconds(10))
            }
            tasks.cancelAll()
            while (try? await tasks.next()) != nil {}
        }
        // One that flaps disturbs none of the others.
        for (configuration, status) in await manager.statuses.prefix(Self.steadyCount) {
            #expect(status.state == .ready, "\(configuration.id)")
            #expect(status.lastError == nil, "\(configuration.id)")
        }
        await manager.stop()
        for gateway in gateways { await gateway.stop() }
    }

    /// Cut, frozen or restarted every few seconds, until it is cancelled.
    private func flap(_ gateway: FakeGateway) async throws {
        let port = await gateway.port
        while true {
            try await Task.sleep(for: .milliseconds(Int64.random(in: 500...8_000)))
            switch Int.random(in: 0..<4) {
            case 0: await gateway.interrupt(.cut)
            case 1: await gateway.interrupt(.freeze)
            case 2: await gateway.interrupt(.close(code: 1012, reason: "service restart"))
            default:
                await gateway.stop(restartExpectedMs: 1_000)
                try? await Task.sleep(for: .milliseconds(Int64.random(in: 100...3_000)))
                try await gateway.start(port: port)
            }
        }
    }

    private static func residentKiB() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return Int(line.filter(\.isNumber)) ?? 0
    }

    private static func openFiles() -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }
}

private struct RealTime: TimeSource {
    private let origin = ContinuousClock.now
    var now: Timestamp { Timestamp(milliseconds: Int64(Date.now.timeIntervalSince1970 * 1_000)) }
    var uptime: Duration { origin.duration(to: .now) }
    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
