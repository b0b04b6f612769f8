import JSON
import Testing
import WebSocketTransport

@testable import OpenClawTesting

@Suite(.timeLimit(.minutes(1)))
struct FaultTests {
    @Test func refusalsOfConnectAreUsedUp() async throws {
        try await withGateway(.test { $0.faults = [.refuseConnect(.starting, times: 2)] }) { gateway in
            for _ in 1...2 {
                let client = try await TestClient.connect(to: gateway)
                let error = try await client.handshake()["error"]
                #expect(error?["code"] == "UNAVAILABLE")
                #expect(error?["details"]?["reason"] == "startup-sidecars")
                #expect(try await client.closure() == .closed(code: 1013, reason: "gateway starting; retry shortly"))
            }
            let client = try await TestClient.connect(to: gateway)
            #expect(try await client.handshake()["ok"] == true)
        }
    }

    @Test func anyDetailsCodeCanRefuse() async throws {
        let refusals: [GatewayRefusal] = [
            .connect("AUTH_RATE_LIMITED", "too many failed authentication attempts"),
            .pairingRequired(requestID: "req-1"),
        ]
        for refusal in refusals {
            try await withGateway(.test { $0.faults = [.refuseConnect(refusal)] }) { gateway in
                let client = try await TestClient.connect(to: gateway)
                #expect(try await client.handshake()["error"] == refusal.json)
                #expect(try await client.closure() == .closed(code: 1008, reason: refusal.message))
            }
        }
    }

    @Test func aChallengeCanBeMissingOrBlank() async throws {
        try await withGateway(.test { $0.faults = [.noChallenge] }) { gateway in
            let client = try await TestClient.connect(to: gateway)
            _ = try await client.request("health")
            guard case .closed(1008, _) = try await client.next() else {
                Issue.record("something else came first")
                return
            }
        }
        try await withGateway(.test { $0.faults = [.blankNonce] }) { gateway in
            let nonce = try await TestClient.connect(to: gateway).nonce()
            #expect(nonce == "")
        }
    }

    @Test func helloCanLackMembers() async throws {
        let fault = FakeGateway.Fault.helloWithout(["features.methods", "snapshot"])
        try await withGateway(.test { $0.faults = [fault] }) { gateway in
            let hello = try await TestClient.connect(to: gateway).handshake()["payload"]
            #expect(hello?["features"]?["events"] != nil)
            #expect(hello?["features"]?["methods"] == nil && hello?["snapshot"] == nil)
            #expect(hello?["policy"] != nil)
        }
    }

    @Test(arguments: FakeGateway.Fault.words)
    func everyFaultCanBeWritten(word: String) {
        let value = ["BYTES": "7", "KIND": "cut"]
        let text = value.reduce(word) { $0.replacing("=" + $1.key, with: "=" + $1.value) }
            .replacing("[,TIMES]", with: ",2")
        #expect(FakeGateway.Fault(text) != nil)
        // Without what it needs, or with what it does not, it is none.
        #expect(FakeGateway.Fault(word.contains("=") ? String(word.prefix { $0 != "=" }) : word + "=x") == nil)
    }

    @Test func faultsAreReadFromWords() {
        #expect(
            FakeGateway.Fault("hello-without=features.methods,snapshot")
                == .helloWithout(["features.methods", "snapshot"]))
        #expect(FakeGateway.Fault("fragment-messages=200") == nil)
        #expect(FakeGateway.Fault("interrupt=never") == nil)
        #expect(FakeGateway.Fault("lose-answer=chat.send") == .loseAnswer(method: "chat.send", times: 1))
        #expect(FakeGateway.Fault("lose-answer=chat.send,3") == .loseAnswer(method: "chat.send", times: 3))
        for times in ["0", "x", "1,2"] { #expect(FakeGateway.Fault("lose-answer=chat.send,\(times)") == nil) }
        for word in FakeGateway.Fault.interruptionWords { #expect(FakeGateway.Fault("interrupt=" + word) != nil) }
    }

    @Test func helloCanBeMissing() async throws {
        try await withGateway(.test { $0.faults = [.noHello] }) { gateway in
            let client = try await TestClient.connect(to: gateway)
            let parameters = try TestDevice.vector().connect(nonce: await client.nonce(), signedAt: testTime)
            try await client.send("connect", parameters, id: "c")
            _ = try await gateway.nextRequest(method: "connect")
            await gateway.interrupt(.close(code: 1000, reason: ""))
            #expect(try await client.next() == .closed(code: 1000, reason: ""))
        }
    }

    @Test func aLostAnswerIsUsedUp() async throws {
        try await withGateway(.test { $0.faults = [.loseAnswer(method: "health", times: 2)] }) { gateway in
            for _ in 1...2 {
                let client = try await TestClient.connect(to: gateway)
                try await client.handshake()
                try await client.send("health", id: "r1")
                #expect(try await client.closure() == .closed(code: nil, reason: ""))
            }
            let client = try await TestClient.connect(to: gateway)
            try await client.handshake()
            #expect(try await client.request("health")["ok"] == true)
        }
    }

    @Test func aClientThatLosesEventsCanConnect() async throws {
        try await withGateway(.test { $0.faults = [.loseEvents] }) { gateway in
            let client = try await TestClient.connect(to: gateway)
            #expect(try await client.handshake()["ok"] == true)
        }
    }

    @Test func aStalledMethodIsNeverAnswered() async throws {
        try await withClient(.test { $0.faults = [.stall(method: "chat.send")] }) { _, client in
            _ = try await client.event("health")
            try await client.send("chat.send", chat("hi"), id: "r2")
            try await client.send("health", id: "r3")
            guard case .frame(let frame) = try await client.next() else { return }
            #expect(frame["id"] == "r3")
        }
    }

    @Test func theConnectionDropsAfterSomeChatEvents() async throws {
        try await withClient(
            .test {
                $0.reply = ManualReply()
                $0.faults = [.interrupt(.cut, afterChatEvents: 2)]
            }
        ) { gateway, client in
            _ = try await client.request("chat.send", chat("hi"))
            let run = try await gateway.nextRun()
            await run.delta("a")
            await run.delta("b")
            #expect(try await client.chat().messageText == "a")
            #expect(try await client.chat().messageText == "ab")
            #expect(try await client.closure() == .closed(code: nil, reason: ""))

            // Once is enough: the next connection lives on, and the run goes on.
            let again = try await TestClient.connect(to: gateway)
            try await again.handshake()
            await run.delta("c")
            await run.delta("d")
            await run.final()
            #expect(try await again.wholeRun().last?.messageText == "abcd")
        }
    }

    @Test func halfAFrameNeverBecomesAMessage() async throws {
        try await withClient(.test { $0.faults = [.interrupt(.halfFrame, afterChatEvents: 1)] }) { _, client in
            _ = try await client.request("chat.send", chat("hi"))
            _ = try await client.chat()
            #expect(try await client.next() != .text(#"{"type":"e"#))
            #expect(try await client.closure() == .closed(code: nil, reason: ""))
        }
    }

    @Test func brokenMessagesComeBetweenChatEvents() async throws {
        try await withClient(
            .test {
                $0.faults = [
                    .interrupt(.malformedJSON, afterChatEvents: 0), .interrupt(.binaryFrame, afterChatEvents: 1),
                ]
            }
        ) { _, client in
            _ = try await client.request("chat.send", chat("hi"))
            let isBroken: @Sendable (TestClient.Arrival) -> Bool = { if case .frame = $0 { false } else { true } }
            #expect(
                try await client.arrivals.next(where: isBroken) == .text(#"{"type":"event","event":"chat","payload":{"#)
            )
            #expect(try await client.arrivals.next(where: isBroken) == .binary)
            #expect(try await client.wholeRun().last?.messageText == "Echo: hi")
        }
    }

    @Test func textThatIsNotUTF8ClosesTheSocket() async throws {
        try await withClient(.test { $0.faults = [.interrupt(.badUTF8, afterChatEvents: 1)] }) { _, client in
            _ = try await client.request("chat.send", chat("hi"))
            guard case .closed(1007, _) = try await client.closure() else {
                Issue.record("the client took text that is not UTF-8")
                return
            }
        }
    }

    @Test func oversizeFramesHaveTheirSize() async throws {
        try await withGateway(.test { $0.faults = [.interrupt(.oversizeFrame(bytes: 70_001), afterChatEvents: 0)] }) {
            gateway in
            var limits = WebSocketOptions()
            limits.maxMessageBytes = 70_000
            let client = try await TestClient.connect(to: gateway, options: limits)
            try await client.handshake()
            try await client.send("chat.send", chat("hi"), id: "r2")
            guard case .closed(1009, _) = try await client.closure() else {
                Issue.record("the client took more than its limit")
                return
            }
        }
    }

    @Test func theServerCanCloseInTheMiddle() async throws {
        let fault = FakeGateway.Fault.interrupt(.close(code: 1008, reason: "slow consumer"), afterChatEvents: 1)
        try await withClient(.test { $0.faults = [fault] }) { _, client in
            _ = try await client.request("chat.send", chat("hi"))
            #expect(try await client.closure() == .closed(code: 1008, reason: "slow consumer"))
        }
    }

    @Test func eventsCanComeTwice() async throws {
        try await withClient(
            .test {
                $0.faults = [.duplicateDeltas, .duplicateTerminals]
                $0.reply = ScriptedReply { _ in [.delta("a")] }
            }
        ) { _, client in
            _ = try await client.request("chat.send", chat("hi"))
            let first = try await client.chat()
            #expect(try await client.chat() == first)
            let final = try await client.chat()
            #expect(final["state"] == "final")
            #expect(try await client.chat() == final)
        }
    }

    @Test func anEventOfAnUnknownRun() async throws {
        try await withClient(.test { $0.faults = [.interrupt(.eventOfUnknownRun, afterChatEvents: 1)] }) { _, client in
            _ = try await client.request("chat.send", chat("hi"))
            _ = try await client.chat()
            #expect(try await client.chat()["runId"] == "unknown-run")
            #expect(try await client.wholeRun().last?["runId"] == "run-1")
        }
    }

    @Test func messagesInFragmentsAreTheSameMessages() async throws {
        try await withClient(.test { $0.faults = [.fragmentMessages(pieceBytes: 10)] }) { _, client in
            _ = try await client.request("chat.send", chat("größer"))
            #expect(try await client.wholeRun().last?.messageText == "Echo: größer")
        }
    }

    @Test func aLooseDialectHasPiecesAndNulls() async throws {
        try await withGateway(
            .test {
                $0.faults = [.looseDialect]
                $0.reply = ScriptedReply { _ in [.delta("a "), .delta("b")] }
            }
        ) { gateway in
            let client = try await TestClient.connect(to: gateway)
            #expect(try await client.handshake()["error"] == JSONValue.null)
            #expect(try await client.request("models.list", id: "r2")["payload"]?[0]?["id"] == "echo-1")
            _ = try await client.request("chat.send", chat("hi"), id: "r3")
            let event = try await client.event("chat")
            #expect(event["seq"] == JSONValue.null)
            #expect(event["payload"]?["deltaText"] == nil)
            #expect(try await client.chat().messageText == "b")
            #expect(try await client.chat().messageText == "a b")
        }
    }
}
