import JSON
import OpenClawTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ChatTests {
    @Test(arguments: FakeGateway.ProtocolVersion.allCases)
    func aReplyStreamsInSnapshotsAndEndsWhole(version: FakeGateway.ProtocolVersion) async throws {
        try await withClient(.test { $0.protocolVersion = version }) { _, client in
            let response = try await client.request("chat.send", chat("one two three four"), id: "r2")
            #expect(response["payload"] == ["runId": "run-1", "status": "started"])
            let events = try await client.wholeRun()
            var joined = ""
            for delta in events.dropLast() {
                let text = try #require(delta.messageText)
                #expect(text.hasPrefix(joined))
                #expect(delta["deltaText"]?.string == (version == .v4 ? String(text.dropFirst(joined.count)) : nil))
                joined = text
            }
            #expect(events.count > 2)
            #expect(joined == "Echo: one two three four")
            #expect(events.last?["state"] == "final")
            #expect(events.last?.messageText == joined)
            #expect(events.allSatisfy { $0["runId"] == "run-1" && $0["sessionKey"] == "agent:main:test" })
            #expect(events.allSatisfy { $0["agentId"]?.string == (version == .v4 ? "main" : nil) })
        }
    }

    @Test func agentEventsFrameTheReply() async throws {
        try await withClient { _, client in
            try await client.send("chat.send", chat("hi"), id: "r2")
            let start = try await client.event("agent")["payload"]
            #expect(start?["stream"] == "lifecycle")
            #expect(start?["data"]?["phase"] == "start")
            let text = try await client.event("agent")["payload"]
            #expect(text?["stream"] == "assistant")
            #expect(text?["data"]?["text"] == "Echo: ")
            #expect(try await client.chat()["seq"] == text?["seq"])
        }
    }

    @Test func theSessionKeyComesBackCanonical() async throws {
        try await withClient { _, client in
            _ = try await client.request("chat.send", chat("hi", key: "WebChat-A"), id: "r2")
            #expect(try await client.wholeRun().last?["sessionKey"] == "agent:main:webchat-a")
            let history = try await client.request("chat.history", ["sessionKey": "WebChat-A"], id: "r3")["payload"]
            #expect(history?["sessionKey"] == "WebChat-A")
            #expect(history?["messages"]?.array?.count == 2)
        }
    }

    @Test(arguments: FakeGateway.ProtocolVersion.allCases)
    func anAbortEndsTheRunWithItsPartialText(version: FakeGateway.ProtocolVersion) async throws {
        try await withClient(
            .test {
                $0.protocolVersion = version
                $0.reply = ManualReply()
            }
        ) { gateway, client in
            _ = try await client.request("chat.send", chat("hi", key: "Room"), id: "r2")
            let run = try await gateway.nextRun()
            await run.delta("Half an ans")
            let response = try await client.request(
                "chat.abort",
                ["sessionKey": "Room", "runId": "run-1"],
                id: "r3"
            )
            #expect(response["payload"] == ["ok": true, "aborted": true, "runIds": ["run-1"]])
            let end = try #require(try await client.wholeRun().last)
            #expect(end["state"] == "aborted")
            #expect(end["stopReason"] == "rpc")
            #expect(end.messageText == "Half an ans")
            // Protocol 3 kept the client's spelling here.
            #expect(end["sessionKey"]?.string == (version == .v3 ? "Room" : "agent:main:room"))

            await run.delta("too late")
            let again = try await client.request("chat.abort", ["sessionKey": "Room", "runId": "run-1"], id: "r4")
            #expect(again["payload"]?["aborted"] == false)
            let history = try await client.request("chat.history", ["sessionKey": "Room"], id: "r5")["payload"]
            #expect(history?["messages"]?[1]?["content"]?[0]?["text"] == "Half an ans")
        }
    }

    @Test func protocolThreeComparesTheKeysOfAnAbortAsTheyAre() async throws {
        try await withClient(
            .test {
                $0.protocolVersion = .v3
                $0.reply = ManualReply()
            }
        ) { _, client in
            _ = try await client.request("chat.send", chat("hi", key: "room"), id: "r2")
            let response = try await client.request(
                "chat.abort",
                ["sessionKey": "agent:main:room", "runId": "run-1"],
                id: "r3"
            )
            #expect(response["error"]?["message"] == "runId does not match sessionKey")
        }
    }

    @Test func protocolFourLetsOnlyTheStarterAbort() async throws {
        try await withClient(.test { $0.reply = ManualReply() }) { gateway, client in
            _ = try await client.request("chat.send", chat("hi"), id: "r2")
            let other = try await TestClient.connect(to: gateway)
            try await other.handshake(device: .random())
            let abort: JSONValue = ["sessionKey": "agent:main:test"]
            #expect(try await other.request("chat.abort", abort, id: "r2")["error"]?["message"] == "unauthorized")
            #expect(try await client.request("chat.abort", abort, id: "r3")["payload"]?["aborted"] == true)
        }
    }

    @Test(arguments: ["/stop", "stop", " Stop "])
    func aStopPhraseStartsNoRun(phrase: String) async throws {
        try await withClient(.test { $0.reply = ManualReply() }) { _, client in
            _ = try await client.request("chat.send", chat("hi"), id: "r2")
            let response = try await client.request("chat.send", chat(phrase, id: "run-2"), id: "r3")
            #expect(response["payload"] == ["ok": true, "aborted": true, "runIds": ["run-1"]])
            #expect(try await client.chat()["stopReason"] == "stop")
        }
    }

    @Test func aKeyThatComesAgainStartsNothing() async throws {
        try await withClient(.test { $0.reply = ManualReply() }) { gateway, client in
            _ = try await client.request("chat.send", chat("hi"), id: "r2")
            let run = try await gateway.nextRun()
            let second = try await client.request("chat.send", chat("hi"), id: "r3")
            #expect(second["payload"] == ["runId": "run-1", "status": "in_flight"])
            await run.final("done")
            let third = try await client.request("chat.send", chat("hi"), id: "r4")
            #expect(third["payload"] == ["runId": "run-1", "status": "ok"])
            let history = try await client.request("chat.history", ["sessionKey": "agent:main:test"], id: "r5")
            #expect(history["payload"]?["messages"]?.array?.count == 2)
        }
    }

    @Test func aFailedRunAnswersItsKeyWithTheError() async throws {
        try await withClient(.test { $0.reply = ScriptedReply { _ in [.error("no credit", kind: "rate_limit")] } }) {
            _,
            client in
            _ = try await client.request("chat.send", chat("hi"), id: "r2")
            let end = try await client.chat()
            #expect(end["state"] == "error")
            #expect(end["errorMessage"] == "no credit")
            #expect(end["errorKind"] == "rate_limit")
            let again = try await client.request("chat.send", chat("hi"), id: "r3")
            #expect(again["ok"] == false)
            #expect(again["payload"]?["status"] == "error")
            #expect(again["error"]?["code"] == "UNAVAILABLE")
        }
    }

    @Test func equalMessagesCanShareARun() async throws {
        try await withClient(
            .test {
                $0.reply = ManualReply()
                $0.joinsEqualMessages = true
            }
        ) { _, client in
            _ = try await client.request("chat.send", chat("hi"), id: "r2")
            let second = try await client.request("chat.send", chat("hi", id: "run-2"), id: "r3")
            #expect(second["payload"] == ["runId": "run-1", "status": "in_flight"])
        }
    }

    @Test func parametersAreClosed() async throws {
        try await withClient { _, client in
            guard case .object(var parameters) = chat("hi") else { return }
            parameters["x"] = 1
            let response = try await client.request("chat.send", .object(parameters), id: "r2")
            #expect(response["error"]?["code"] == "INVALID_REQUEST")
            #expect(response["error"]?["message"] == "invalid chat.send params: at root: unexpected property 'x'")
            parameters["x"] = nil
            parameters["deliver"] = .null
            let null = try await client.request("chat.send", .object(parameters), id: "r3")
            #expect(null["error"]?["message"] == "invalid chat.send params: at /deliver: must be boolean")
        }
    }

    @Test func onlyProtocolFourKnowsTheAgentParameter() async throws {
        for version in FakeGateway.ProtocolVersion.allCases {
            try await withClient(.test { $0.protocolVersion = version }) { _, client in
                guard case .object(var parameters) = chat("hi", key: "room") else { return }
                parameters["agentId"] = "main"
                let response = try await client.request("chat.send", .object(parameters))
                #expect(response["ok"]?.bool == (version == .v4))
            }
        }
    }

    @Test(arguments: [("  ", "message or attachment required"), ("a\u{0}b", "message must not contain null bytes")])
    func badMessagesAreRefused(message: String, reason: String) async throws {
        try await withClient { _, client in
            let response = try await client.request("chat.send", chat(message), id: "r2")
            #expect(response["error"]?["message"]?.string == reason)
        }
    }

    @Test func aDeletedAgentIsNamed() async throws {
        try await withClient { _, client in
            let response = try await client.request("chat.send", chat("hi", key: "agent:gone:x"), id: "r2")
            #expect(response["error"]?["message"] == #"Agent "gone" no longer exists in configuration"#)
        }
    }

    @Test func sendingNeedsTheWriteScope() async throws {
        for version in FakeGateway.ProtocolVersion.allCases {
            try await withClient(.test { $0.protocolVersion = version }, scopes: ["operator.read"]) { _, client in
                let error = try await client.request("chat.send", chat("hi"), id: "r2")["error"]
                #expect(error?["message"] == "missing scope: operator.write")
                #expect(error?["code"]?.string == (version == .v4 ? "FORBIDDEN" : "INVALID_REQUEST"))
                #expect(try await client.request("chat.history", ["sessionKey": "main"], id: "r3")["ok"] == true)
            }
        }
    }

    @Test func commandsAreAnsweredWithOneFinal() async throws {
        try await withClient { _, client in
            _ = try await client.request("chat.send", chat("hi"), id: "r2")
            _ = try await client.wholeRun()
            _ = try await client.request("chat.send", chat("/new", id: "run-2"), id: "r3")
            #expect(try await client.wholeRun().map { $0["state"] } == ["final"])
            let history = try await client.request("chat.history", ["sessionKey": "agent:main:test"], id: "r4")
            #expect(history["payload"]?["messages"]?.array?.count == 1)
        }
    }

    @Test func historyIsTheNewestAndCut() async throws {
        try await withClient { _, client in
            for number in 1...3 {
                _ = try await client.request(
                    "chat.send",
                    chat("message \(number)", id: "run-\(number)"),
                    id: "s\(number)"
                )
                _ = try await client.wholeRun()
            }
            let parameters: JSONValue = ["sessionKey": "agent:main:test", "limit": 2, "maxChars": 5]
            let messages = try await client.request("chat.history", parameters, id: "r9")["payload"]?["messages"]
            #expect(messages?.array?.count == 2)
            #expect(messages?[0]?["role"] == "user")
            #expect(messages?[1]?["content"]?[0]?["text"] == "Echo:\n...(truncated)...")
        }
    }

    @Test func historyShowsTheRunInFlight() async throws {
        try await withClient(.test { $0.reply = ManualReply() }) { gateway, client in
            _ = try await client.request("chat.send", chat("hi"), id: "r2")
            await (try await gateway.nextRun()).delta("so far")
            let history = try await client.request("chat.history", ["sessionKey": "agent:main:test"], id: "r3")
            #expect(history["payload"]?["inFlightRun"] == ["runId": "run-1", "text": "so far"])
        }
    }
}
