import JSON
import OpenClawTesting
import Testing

@testable import OpenClaw

/// Which sessions a gateway has, whatever their number and whatever the gateway's age.
@Suite(.timeLimit(.minutes(1))) struct SessionListTests {
    private func run(
        _ version: FakeGateway.ProtocolVersion, sessions: Int, _ body: (LiveConnection) async throws -> Void
    ) async throws {
        var options = FakeGateway.Options()
        options.protocolVersion = version
        try await LiveConnection.run(options) { live in
            try await live.isIdle()
            for number in 0..<sessions { await live.gateway.addMessage("Hello", to: "s\(number)") }
            await live.gateway.interrupt(.cut)
            try await live.reaches(.backingOff)
            await live.connection.connectNow()
            try await live.isIdle()
            try await body(live)
        }
    }

    @Test func allPagesAreRead() async throws {
        try await run(.v4, sessions: 450) { live in
            let offsets = await live.gateway.requests.filter { $0.method == "sessions.list" }.suffix(3).map {
                $0.parameters["offset"]?.int
            }
            #expect(offsets == [nil, 200, 400])
            #expect(await live.connection.knownSessions.isComplete)
            #expect(await live.connection.knownSessions.keys.count == 450)
        }
    }

    @Test func olderGatewaysHaveNoPages() async throws {
        try await run(.v3, sessions: 450) { live in
            #expect(await live.connection.knownSessions.isComplete)
            #expect(await live.connection.knownSessions.keys.contains("agent:main:s0"))
        }
    }

    @Test(arguments: FakeGateway.ProtocolVersion.allCases)
    func whatIsKnown(version: FakeGateway.ProtocolVersion) async throws {
        try await run(version, sessions: 1) { live in
            let connection = live.connection
            for (key, knowledge) in [
                ("agent:main:s0", SessionKnowledge.known), ("agent:main:main", .known), ("global", .known),
                ("agent:main:new", .new),
            ] {
                #expect(try await connection.knowledge(ofSession: key) == knowledge, "\(key)")
            }
            await live.gateway.interrupt(.cut)
            try await live.reaches(.backingOff)
            #expect(try await connection.knowledge(ofSession: "agent:main:new") == .new)
            #expect(try await connection.knowledge(ofSession: "agent:main:s0") == .known)
        }
    }

    /// An older gateway refuses what it does not know; it is asked again without that.
    @Test func parametersThatAnOlderGatewayDoesNotKnow() async throws {
        try await run(.v3, sessions: 3) { live in
            let rows = try await live.connection.sessions(["limit": 2, "archived": false, "offset": 0])
            #expect(rows.map { $0["key"] } == ["agent:main:s2", "agent:main:s1"])
            #expect(try await live.connection.models(view: "all").map(\.id) == ["fake/echo-1"])
            await #expect(throws: GatewayError.self) { try await live.connection.sessions(["limit": 0]) }
        }
    }

    @Test func listsAreReadAgainNowAndThen() throws {
        var harness = try MachineHarness()
        #expect(try harness.connect().contains(.setTimer(.refresh, after: .seconds(600))))
        let actions = harness.machine.fired(.refresh, now: harness.time.now)
        #expect(actions == [.refresh, .setTimer(.refresh, after: .seconds(600))])
        #expect(
            harness.machine.socketClosed(code: nil, reason: "", now: harness.time.now).contains(.cancelTimer(.refresh)))
        #expect(harness.machine.fired(.refresh, now: harness.time.now) == [])
    }
}
