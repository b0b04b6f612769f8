import JSON
import OpenClawTesting
import Testing

/// What a test can do to a gateway.
@Suite(.timeLimit(.minutes(1)))
struct TestingTests {
    @Test func requestsAreRecorded() async throws {
        try await withClient { gateway, client in
            #expect(try await gateway.nextRequest().method == "connect")
            _ = try await client.request("health", id: "r2")
            try await client.send("sessions.list", ["limit": 5], id: "r3")
            let list = try await gateway.nextRequest(method: "sessions.list")
            #expect(list.id == "r3")
            #expect(list.parametersText == #"{"limit":5}"#)
            #expect(try await gateway.nextRequest().method == "health")
            #expect(await gateway.requests.map(\.method) == ["connect", "health", "sessions.list"])
        }
    }

    @Test func foreignRunsReachAllClients() async throws {
        try await withClient { gateway, client in
            await gateway.broadcastRun(sessionKey: "main", text: "Good morning")
            let events = try await client.wholeRun()
            #expect(events.map { $0["state"] } == ["delta", "final"])
            #expect(events.last?.messageText == "Good morning")
            #expect(events.last?["sessionKey"] == "agent:main:main")
            #expect(events.last?["runId"] == "foreign-run")

            let run = await gateway.beginRun(sessionKey: "main", runID: "cron-1")
            await run.error("no model")
            #expect(try await client.chat()["errorMessage"] == "no model")
        }
    }

    @Test func rawFramesGoOutAsTheyAre() async throws {
        try await withClient { gateway, client in
            _ = try await client.event("health")
            await gateway.send(raw: "not json")
            #expect(try await client.next() == .text("not json"))
        }
    }

    @Test func faultsCanChange() async throws {
        try await withClient(.test { $0.faults = [.refuse(method: "health", .starting)] }) { gateway, client in
            let refused = try await client.request("health", id: "r2")
            #expect(refused["error"]?["retryAfterMs"] == 500)
            #expect(refused["error"]?["retryable"] == true)
            await gateway.setFaults([])
            #expect(try await client.request("health", id: "r3")["ok"] == true)
        }
    }

    @Test func ticksComeByThemselves() async throws {
        try await withClient(.test { $0.tickInterval = .milliseconds(1) }) { _, client in
            let tick = try await client.event("tick")
            #expect(tick["payload"] == ["ts": .integer(testTime)])
        }
    }
}
