import JSON
import OpenClawTesting
import Testing

/// `/ws/chat/{gateway}`.
@Suite(.timeLimit(.minutes(1))) struct ChatDialectTests {
    private func connect(_ rig: Rig, _ gateway: String = "home") async throws -> Browser {
        try await Browser.connect(port: rig.port, path: "/ws/chat/\(gateway)")
    }

    private func chat(_ text: String, in session: String = "s") -> JSONValue {
        ["type": "chat", "sessionKey": .string(session), "message": .string(text), "advancedReasoning": false]
    }

    @Test func theGreetingNamesAgentsAndModels() async throws {
        try await Rig.run { rig in
            let connected = try await connect(rig).next()
            #expect(connected["type"] == "connected")
            #expect(connected["agents"]?.array?.count == 1)
            #expect(connected["models"]?.array?.count == 1)
            #expect(connected["defaultModel"]?.string?.isEmpty == false)
        }
    }

    @Test func advancedReasoningReachesTheGateway() async throws {
        try await Rig.run { rig in
            let browser = try await connect(rig)
            for isOn in [true, false] {
                guard case .object(var frame) = chat("Hello") else { return }
                frame["advancedReasoning"] = .bool(isOn)
                browser.send(.object(frame))
                let request = try await rig.gateway.nextRequest(method: "chat.send")
                #expect(request.parametersText.contains(#""thinking":"high""#) == isOn)
                await (try await rig.gateway.nextRun()).final("Hi")
                _ = try await browser.next { $0["state"] == "final" }
            }
        }
    }

    @Test func theStreamIsCumulative() async throws {
        try await Rig.run { rig in
            let browser = try await connect(rig)
            browser.send(chat("Hello"))
            let run = try await rig.gateway.nextRun()
            for piece in ["<think>no</think>", "One ", "two"] { await run.delta(piece) }
            await run.final()
            _ = try await browser.next(type: "connected")
            var texts: [String] = []
            while true {
                let frame = try await browser.next()
                #expect(frame["type"] == "stream")
                #expect(frame["content"]?.text == frame["text"]?.string)
                texts.append(frame["text"]?.string ?? "")
                if frame["state"] == "final" {
                    #expect(frame["usage"]?["input"]?.int != nil)
                    break
                }
                #expect(frame["state"] == "delta")
            }
            #expect(texts.last == "One two")
            for (text, next) in zip(texts, texts.dropFirst()) { #expect(next.hasPrefix(text)) }
            browser.send(["type": "history", "sessionKey": "s"])
            let history = try await browser.next(type: "history")
            #expect(history["messages"]?.array?.map { $0["role"]?.string } == ["user", "assistant"])
            #expect(history["messages"]?[1]?["content"]?.text == "One two")
        }
    }

    @Test func anErrorHasTheGatewaysWords() async throws {
        try await Rig.run { rig in
            let browser = try await connect(rig)
            browser.send(chat("Hello"))
            await (try await rig.gateway.nextRun()).error("429 quota exceeded")
            let error = try await browser.next { $0["state"] == "error" }
            #expect(error["type"] == "stream")
            #expect(error["error"] == "429 quota exceeded")
        }
    }

    @Test func anAbortedRunEndsWithAFinal() async throws {
        try await Rig.run { rig in
            let browser = try await connect(rig)
            browser.send(chat("Hello"))
            await (try await rig.gateway.nextRun()).delta("Half")
            _ = try await browser.next { $0["state"] == "delta" }
            browser.send(["type": "abort", "sessionKey": "s"])
            #expect(try await browser.next { $0["state"] == "final" }["text"] == "Half")
        }
    }

    @Test func pingsAndBadFramesAreAnswered() async throws {
        try await Rig.run { rig in
            let browser = try await connect(rig)
            _ = try await browser.next(type: "connected")
            browser.send(["type": "ping"])
            #expect(try await browser.next() == ["type": "pong"])
            for text in ["nonsense", #"{"type":"subscribe","sessionKey":"s"}"#, #"{"type":"chat","sessionKey":"s"}"#] {
                browser.send(text: text)
                let error = try await browser.next()
                #expect(error["type"] == "error")
                #expect(error["error"]?.string?.isEmpty == false)
            }
            browser.send(["type": "set_reasoning", "sessionKey": "s", "enabled": true])
            #expect(try await browser.pending().isEmpty)
        }
    }

    @Test func anUnknownGatewayClosesTheSocket() async throws {
        try await Rig.run { rig in
            let browser = try await connect(rig, "mars")
            #expect(try await browser.next() == ["type": "error", "error": "Gateway not found"])
            #expect(try await browser.closeCode() == 4404)
        }
    }

    @Test func aSocketShowsTheSessionThatItLastAskedFor() async throws {
        try await Rig.run { rig in
            let browser = try await connect(rig)
            _ = try await browser.next(type: "connected")
            browser.send(chat("Hello", in: "one"))
            let first = try await rig.gateway.nextRun()
            browser.send(chat("Hello", in: "two"))
            let second = try await rig.gateway.nextRun()
            await first.final("From one")
            await second.final("From two")
            let frame = try await browser.next { $0["state"] == "final" }
            #expect(frame["text"] == "From two")
            #expect(try await browser.pending().allSatisfy { !$0.encoded().contains("From one") })
        }
    }
}
