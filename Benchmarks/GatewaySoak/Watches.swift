import OpenClawTesting
import Synchronization

/// What the server holds, as long as it is looked at.
final class Watch: Sendable {
    private let server: SoakedServer
    private let state = Mutex((mostFiles: 0, memory: [Int]()))

    init(_ server: SoakedServer) { self.server = server }

    /// The most open files, and the memory in KiB every ten seconds.
    var figures: (mostFiles: Int, memory: [Int]) { state.withLock { ($0.mostFiles, $0.memory) } }

    func sample() async throws {
        for round in 0... {
            let (files, memory) = (server.openFiles, server.residentKiB)
            state.withLock { state in
                state.mostFiles = max(state.mostFiles, files)
                if round.isMultiple(of: 20) { state.memory.append(memory) }
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }
}

/// How often the server connects to gateways: each of them tells what it receives.
final class ConnectCount: Sendable {
    struct Figures {
        var total = 0
        /// To the gateways that do not flap.
        var steady = 0
        /// The most within a second: to all together, and to one.
        var perSecond = 0
        var perSecondToOne = 0
    }

    private let gateways: [FakeGateway]
    private let state = Mutex(Figures())

    init(_ gateways: [FakeGateway]) { self.gateways = gateways }

    var figures: Figures { state.withLock { $0 } }

    func count() async throws {
        // Those of before count nothing.
        var known = await counts()
        while true {
            try await Task.sleep(for: .seconds(1))
            let counts = await counts()
            let new = zip(counts, known).map { $0 - $1 }
            known = counts
            state.withLock { figures in
                let all = new.reduce(0, +)
                figures.total += all
                figures.steady += new.prefix(Soak.steadyCount).reduce(0, +)
                figures.perSecond = max(figures.perSecond, all)
                figures.perSecondToOne = max(figures.perSecondToOne, new.max() ?? 0)
            }
        }
    }

    private func counts() async -> [Int] {
        var counts: [Int] = []
        for gateway in gateways { counts.append(await gateway.connectionCount) }
        return counts
    }
}
