import Testing

@testable import OpenClaw

/// Fifty gateways of which twenty flap and one is slow, on an injected clock.
@Suite struct ManyGatewaysTests {
    private static let kinds: [GatewayCrowd.Kind] =
        Array(repeating: .steady, count: 29) + [.slow] + Array(repeating: .flapping, count: 20)

    @Test func flappingGatewaysDisturbNobody() throws {
        var crowd = try GatewayCrowd(Self.kinds, seed: 1)
        crowd.run(until: .seconds(600))
        #expect(crowd.mostOpenSockets <= 50)
        for (index, kind) in Self.kinds.enumerated() {
            let readyAt = try #require(crowd.readyAt[index])
            // One slow gateway delays only itself.
            #expect(readyAt < (kind == .slow ? .seconds(15) : .milliseconds(100)))
            guard kind != .flapping else { continue }
            #expect(crowd.machines[index].status.state == .ready)
            #expect(crowd.machines[index].status.lastError == nil)
        }
        // Those that flap are tried again and again, at their own times.
        let connects = crowd.mostConnects(within: .seconds(60), from: .seconds(60), to: .seconds(600))
        #expect((20...120).contains(connects), "\(connects)")
        #expect(crowd.mostConnects(within: .milliseconds(100), from: .seconds(60), to: .seconds(600)) <= 5)
    }

    @Test func afterAnOutageTheyDoNotComeBackAtOnce() throws {
        var crowd = try GatewayCrowd(Array(repeating: .steady, count: 50), seed: 2)
        crowd.run(until: .seconds(60))
        crowd.isNetworkUp = false
        crowd.run(until: .seconds(300))
        #expect(crowd.openSockets == 0)
        // The first attempts lie within 0.8 to 1.2 s, the later ones ever farther apart.
        #expect(crowd.mostConnects(within: .milliseconds(100), from: .seconds(60), to: .seconds(300)) <= 25)
        #expect(crowd.mostConnects(within: .milliseconds(100), from: .seconds(120), to: .seconds(300)) <= 6)
        crowd.isNetworkUp = true
        crowd.run(until: .seconds(390))
        #expect(crowd.openSockets == 50)
        #expect(crowd.machines.allSatisfy { $0.status.state == .ready })
    }
}
