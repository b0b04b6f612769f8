import JSON
import OpenClawTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RunsTests {
    @Test func replacingStartsTheTextAfresh() async throws {
        try await withClient(
            .test {
                $0.reply = ScriptedReply { _ in [.delta("<thi"), .replace("The answer"), .delta(".")] }
            }
        ) {
            _,
            client in
            _ = try await client.request("chat.send", chat("hi"))
            let events = try await client.wholeRun()
            #expect(events.map(\.messageText) == ["<thi", "The answer", "The answer.", "The answer."])
            #expect(events.map { $0["deltaText"]?.string } == ["<thi", "The answer", ".", nil])
            #expect(events.map { $0["replace"]?.bool } == [nil, true, nil, nil])
        }
    }

    @Test func thinkingIsABlockOfItsOwn() async throws {
        try await withClient(.test { $0.reply = ScriptedReply { _ in [.thinking("hm"), .delta("Yes")] } }) {
            _,
            client in
            _ = try await client.request("chat.send", chat("hi"))
            let content = try await client.wholeRun().last?["message"]?["content"]
            #expect(content == [["type": "thinking", "thinking": "hm"], ["type": "text", "text": "Yes"]])
        }
    }

    @Test func aSilentEndHasNoMessage() async throws {
        try await withClient(.test { $0.reply = ScriptedReply { _ in [.delta("NO_"), .silent] } }) { _, client in
            _ = try await client.request("chat.send", chat("hi"))
            let end = try await client.wholeRun().last
            #expect(end?["state"] == "final")
            #expect(end?["message"] == nil)
        }
    }

    @Test func theFinalIsTrimmedOrAsTheScriptSays() async throws {
        let reply = ScriptedReply { $0.message == "own" ? [.delta("a"), .final("b ")] : [.delta(" a ")] }
        try await withClient(.test { $0.reply = reply }) { _, client in
            _ = try await client.request("chat.send", chat("own"))
            #expect(try await client.wholeRun().last?.messageText == "b ")
            _ = try await client.request("chat.send", chat("other", id: "run-2"), id: "r2")
            #expect(try await client.wholeRun().last?.messageText == "a")
        }
    }

    @Test func waitsGoThroughTheOptions() async throws {
        let waits = Mutex<[Duration]>([])
        try await withClient(
            .test {
                $0.sleep = { duration in waits.withLock { $0.append(duration) } }
                $0.reply = ScriptedReply { _ in [.delta("a"), .wait(.seconds(3600)), .delta("b")] }
            }
        ) { _, client in
            _ = try await client.request("chat.send", chat("hi"))
            #expect(try await client.wholeRun().last?.messageText == "ab")
            #expect(waits.withLock { $0 } == [.seconds(3600)])
        }
    }

    @Test func everyReaderSeesEveryRun() async throws {
        try await withClient { gateway, client in
            let reader = try await TestClient.connect(to: gateway)
            try await reader.handshake(scopes: ["operator.read"])
            let stranger = try await TestClient.connect(to: gateway)
            try await stranger.handshake(scopes: ["operator.pairing"])
            _ = try await client.request("chat.send", chat("hi"))
            #expect(try await client.wholeRun() == reader.wholeRun())
            // Without the read scope there is nothing between the health event and the tick.
            await gateway.tick()
            #expect(try await stranger.event("health")["seq"] == 1)
            #expect(
                try await stranger.next()
                    == .frame(["type": "event", "event": "tick", "payload": ["ts": .integer(testTime)], "seq": 2])
            )
        }
    }

    @Test func protocolFourCountsForEachConnection() async throws {
        try await withClient { gateway, client in
            await gateway.tick()
            let late = try await TestClient.connect(to: gateway)
            try await late.handshake()
            await gateway.tick()
            #expect(try await client.event("health")["seq"] == 1)
            #expect(try await client.event("tick")["seq"] == 2)
            #expect(try await client.event("tick")["seq"] == 3)
            #expect(try await late.event("health")["seq"] == 1)
            #expect(try await late.event("tick")["seq"] == 2)
        }
    }

    @Test func protocolThreeCountsAllBroadcastsTogether() async throws {
        try await withClient(.test { $0.protocolVersion = .v3 }) { gateway, client in
            await gateway.tick()
            let late = try await TestClient.connect(to: gateway)
            try await late.handshake()
            await gateway.tick()
            #expect(try await client.event("tick")["seq"] == 2)
            #expect(try await late.event("health")["seq"] == 3)
            #expect(try await late.event("tick")["seq"] == 4)
            #expect(try await client.event("tick")["seq"] == 4)
        }
    }

    @Test func subscribersHearOfSessions() async throws {
        try await withClient { _, client in
            #expect(try await client.request("sessions.subscribe", id: "r2")["payload"] == ["subscribed": true])
            _ = try await client.request("chat.send", chat("hi"), id: "r3")
            #expect(try await client.event("sessions.changed")["payload"]?["phase"] == "start")
            #expect(try await client.event("sessions.changed")["payload"]?["phase"] == "end")
        }
    }

    @Test func aRunOutlivesItsClient() async throws {
        try await withClient(.test { $0.reply = ManualReply() }) { gateway, client in
            _ = try await client.request("chat.send", chat("hi"))
            let run = try await gateway.nextRun()
            try await client.close()
            _ = try await client.closure()
            let next = try await TestClient.connect(to: gateway)
            try await next.handshake()
            await run.final("still here")
            #expect(try await next.chat().messageText == "still here")
        }
    }
}
