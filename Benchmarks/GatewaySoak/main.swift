import Foundation
import Logging
import OpenClawTesting

/// A running server with fifty gateways on real sockets, of which twenty flap: `make soak`, or
/// `GatewaySoak path/to/sluice [seconds]`. Exits with 1 when something is not as it should be.
let arguments = CommandLine.arguments
guard arguments.count >= 2 else {
    print("usage: GatewaySoak path/to/sluice [seconds]")
    exit(2)
}
let duration = Duration.seconds(arguments.count > 2 ? Int(arguments[2]) ?? 180 : 180)

let gateways = try await startGateways(Soak.count)
// A second server whose gateways all are steady: what the machine does to both is not the flapping's doing.
let others = try await startGateways(Soak.steadyCount)
let server = try await SoakedServer.start(binary: arguments[1], gateways: gateways)
var checks: [(String, Bool)] = []
do {
    let calmServer = try await SoakedServer.start(binary: arguments[1], gateways: others)
    do {
        checks = try await soak(server, gateways, beside: calmServer, for: duration)
    } catch {
        checks = [("the run came to its end: \(error)", false)]
    }
    _ = await calmServer.stop()
} catch {
    checks = [("the second server started: \(error)", false)]
}
checks.append(("the server stops when it is told to", await server.stop()))
for (name, isGood) in checks { print("  \(isGood ? "ok  " : "FAIL") \(name)") }
for gateway in gateways + others { await gateway.stop() }
exit(checks.allSatisfy(\.1) ? 0 : 1)

func startGateways(_ count: Int) async throws -> [FakeGateway] {
    var gateways: [FakeGateway] = []
    for _ in 0..<count {
        var options = FakeGateway.Options()
        options.tickInterval = .seconds(2)
        options.logger = Logger(label: "gateway") { _ in SwiftLogNoOpLogHandler() }
        let gateway = FakeGateway(options: options)
        try await gateway.start()
        gateways.append(gateway)
    }
    return gateways
}

/// - Returns: What was looked at, and whether it is good.
func soak(
    _ server: SoakedServer, _ gateways: [FakeGateway], beside calmServer: SoakedServer, for duration: Duration
) async throws -> [(String, Bool)] {
    guard try await server.isConnected(to: Soak.count, within: .seconds(30)),
        try await calmServer.isConnected(to: Soak.steadyCount, within: .seconds(30))
    else { throw SoakFailure("not all gateways could be connected to at first") }
    let chats = try await SteadyChats.connect(port: server.port, gateways: Soak.steadyCount)
    let calmChats = try await SteadyChats.connect(port: calmServer.port, gateways: Soak.steadyCount)

    let warm = try await chats.run(for: .seconds(10))
    let filesBefore = server.openFiles
    print("before:  \(filesBefore) files, \(server.residentKiB) KiB resident")

    print("\(Soak.flappingCount) gateways flap for \(duration) …")
    let connects = ConnectCount(gateways)
    let watch = Watch(server)
    let calmWatch = Watch(calmServer)
    let (stormy, calm) = try await withThrowingTaskGroup(of: Void.self) { tasks in
        for gateway in gateways[Soak.steadyCount...] { tasks.addTask { try await flap(gateway) } }
        tasks.addTask { try await connects.count() }
        for watch in [watch, calmWatch] { tasks.addTask { try await watch.sample() } }
        async let calm = calmChats.run(for: duration)
        let figures = try await (chats.run(for: duration), calm)
        tasks.cancelAll()
        while let result = await tasks.nextResult() {
            // They end by being cancelled.
            if case .failure(let error) = result, !(error is CancellationError) { throw error }
        }
        return figures
    }
    let (mostFiles, memory) = watch.figures
    let calmMemory = calmWatch.figures.memory
    let growth = { (memory: [Int]) in (memory.last ?? 0) - (memory.first ?? 0) }
    let mebibytes = { (memory: [Int]) in memory.map { "\($0 >> 10)" }.joined(separator: " ") }
    let found = connects.figures
    print("chats:   \(stormy)")
    print("beside:  \(calm), through the server without gateways that flap")
    print("files:   \(mostFiles) at most")
    print("connects: \(found.total) in all, \(found.perSecond) in the busiest second, \(found.perSecondToOne) to one")
    print("memory:  \(mebibytes(memory)) MiB, every ten seconds")
    print("beside:  \(mebibytes(calmMemory)) MiB")

    // The longest pause between two attempts is 72 s; one that is frozen is missed only after a while.
    try await Task.sleep(for: .seconds(10))
    let areBack = try await server.isConnected(to: Soak.count, within: .seconds(80))
    let filesAfter = server.openFiles
    print("after:   \(filesAfter) files, \(server.residentKiB) KiB resident")
    chats.close()
    calmChats.close()

    return [
        ("no chat was lost or failed", warm.failures + stormy.failures == 0),
        (
            "chats are not delayed",
            stormy.p50 <= calm.p50 * 2 + .milliseconds(5) && stormy.p99 <= calm.p99 * 2 + .milliseconds(20)
        ),
        ("the steady gateways stayed connected", found.steady == 0),
        ("those that flapped are back", areBack),
        // One socket a gateway, and one more for each that is being replaced.
        ("sockets are bounded", mostFiles <= filesBefore + Soak.flappingCount),
        // The database and what asks for the gateways' states may have opened some.
        ("no socket is left over", filesAfter <= filesBefore + 8),
        // Chats take some, for a while; flapping takes none.
        ("memory is steady", growth(memory) <= growth(calmMemory) + (4 << 10)),
        // Attempts are 0.8 s apart at the least: two within a second that is counted, or three when the count is late.
        ("no herd", found.perSecondToOne <= 3 && found.perSecond <= Soak.flappingCount * 2),
    ]
}

/// Cut, frozen, closed or restarted every few seconds, until the task is cancelled.
func flap(_ gateway: FakeGateway) async throws {
    let port = await gateway.port
    while true {
        try await Task.sleep(for: .milliseconds(Int64.random(in: 500...8_000)))
        switch Int.random(in: 0..<4) {
        case 0: await gateway.interrupt(.cut)
        case 1: await gateway.interrupt(.freeze)
        case 2: await gateway.interrupt(.close(code: 1012, reason: "service restart"))
        default:
            await gateway.stop(restartExpectedMs: 1_000)
            // A gateway that is away must come back, whatever becomes of the task.
            try? await Task.sleep(for: .milliseconds(Int64.random(in: 100...3_000)))
            try await gateway.start(port: port)
        }
    }
}
