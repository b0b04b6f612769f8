import JSON
import MiddlewareKit
import NIOCore
import Testing

@testable import OpenClaw

@Suite struct RunTableTests {
    @Test func eventsFindTheirRunByIdWhateverTheKey() throws {
        var table = RunTable(gatewayID: "home")
        let own = table.register(id: "r1", sessionKey: "agent:main:a")
        let events = try table.receive(chat: ["runId": "r1", "sessionKey": "A", "state": "delta", "deltaText": "x"])
        #expect(events.map(\.event) == [.delta(.append("x"))])
        #expect(events.first?.run === own)
        let foreign = try table.receive(chat: ["runId": "r2", "sessionKey": "A", "state": "status", "phase": "p"])
        #expect(foreign.first?.run.sessionKey == "agent:main:a")
        #expect(foreign.first?.run.agentID == "main")
        #expect(foreign.map(\.event) == [.status(phase: "p")])
    }

    @Test func terminalEventsComeOnce() throws {
        var table = RunTable(gatewayID: "home")
        let final: JSONValue = [
            "runId": "r", "state": "final", "message": ["content": [["type": "text", "text": "Hi"]]],
        ]
        let events = try table.receive(chat: final).map(\.event)
        #expect(events == [.final(ChatMessage(role: "assistant", text: "Hi"))])
        #expect(try table.receive(chat: final).isEmpty)
        #expect(try table.receive(chat: ["runId": "r", "state": "aborted"]).isEmpty)
        #expect(try table.receive(chat: ["runId": "r", "state": "delta", "deltaText": "x"]).isEmpty)
        #expect(feed(&table, #"{"runId":"r","state":"delta","deltaText":"x"}"#) == nil)
    }

    /// Nobody wants to hear of it any more, so no event will let go of what the observer keeps there.
    @Test func aRunThatIsIgnoredKeepsNothing() throws {
        final class Owner {}
        var table = RunTable(gatewayID: "home")
        var owner: Owner? = Owner()
        weak let kept = owner
        table.register(id: "r", sessionKey: "agent:main:a").owner = owner
        owner = nil
        #expect(kept != nil)
        table.markFinished(id: "r")
        #expect(kept == nil)
        #expect(try table.receive(chat: ["runId": "r", "state": "aborted"]).isEmpty)
    }

    static let finalMessages: [(JSONValue?, ChatEvent)] = [
        (nil, .final(nil)), (["role": "assistant", "content": []], .final(nil)), (["text": "no_reply "], .final(nil)),
        (["content": "Bye"], .final(ChatMessage(role: "assistant", text: "Bye"))),
        (
            ["content": [["type": "thinking", "thinking": "t"]]],
            .final(ChatMessage(role: "assistant", text: "Hello", blocks: [.thinking("t")]))
        ),
    ]

    @Test(arguments: finalMessages)
    func finals(message: JSONValue?, expected: ChatEvent) throws {
        var table = RunTable(gatewayID: "home")
        #expect(feed(&table, #"{"runId":"r","state":"delta","deltaText":"Hello"}"#) == .delta(.append("Hello")))
        var payload: JSONObject = JSONObject([("runId", "r"), ("state", "final")])
        payload["message"] = message
        #expect(try table.receive(chat: .object(payload)).map(\.event) == [expected])
    }

    @Test func whatWasWithheldComesBeforeAFinalWithoutMessage() throws {
        var table = RunTable(gatewayID: "home")
        #expect(feed(&table, #"{"runId":"r","state":"delta","deltaText":"No"}"#) == nil)
        let events = try table.receive(chat: ["runId": "r", "state": "final"]).map(\.event)
        #expect(events == [.delta(.append("No")), .final(nil)])
    }

    @Test func failureAndAbort() throws {
        var table = RunTable(gatewayID: "home")
        let error: JSONValue = ["runId": "e", "state": "error", "errorMessage": "boom", "errorKind": "timeout"]
        #expect(try table.receive(chat: error).map(\.event) == [.failed(RunFailure(message: "boom", kind: "timeout"))])
        let word = String(repeating: "x", count: 400)
        let long: JSONValue = ["runId": "l", "state": "error", "errorMessage": "boom", "errorKind": .string(word)]
        let cut = RunFailure(message: "boom", kind: String(word.prefix(64)))
        #expect(try table.receive(chat: long).map(\.event) == [.failed(cut)])
        let blank: JSONValue = ["runId": "b", "state": "error", "errorMessage": "boom", "errorKind": " \n"]
        #expect(try table.receive(chat: blank).map(\.event) == [.failed(RunFailure(message: "boom", kind: nil))])
        let aborted: JSONValue = ["runId": "a", "state": "aborted", "stopReason": "rpc"]
        #expect(try table.receive(chat: aborted).map(\.event) == [.aborted(nil, stopReason: "rpc")])
    }

    /// Sums and quotas are made of what a gateway tells.
    @Test func figuresThatCannotBeAreNotTold() throws {
        func usage(_ tokens: JSONValue, _ dollars: JSONValue) -> Usage? {
            let message: JSONValue = [
                "content": "Hi", "usage": ["input": 7, "output": tokens, "totalTokens": tokens],
                "cost": ["total": dollars],
            ]
            return ChatMessage(json: message)?.usage
        }
        #expect(usage(5, 0.25) == Usage(input: 7, output: 5, total: 5, cost: 0.25))
        for tokens in [.integer(.max), -1, 1_000_000_000_001, 1e300] as [JSONValue] {
            #expect(usage(tokens, 0.25) == Usage(input: 7, cost: 0.25))
        }
        for dollars in [-0.5, 1_000_001, 1e300] as [JSONValue] {
            #expect(usage(5, dollars) == Usage(input: 7, output: 5, total: 5))
        }
    }

    @Test func severalTextBlocksAreJoined() throws {
        var table = RunTable(gatewayID: "home")
        let blocks: JSONValue = [
            ["type": "text", "text": "a\""], ["type": "thinking"], ["type": "text", "text": "b"],
        ]
        let payload: JSONValue = ["runId": "r", "state": "delta", "message": ["content": blocks]]
        #expect(try table.receive(chat: payload).map(\.event) == [.delta(.append("a\"b"))])
        #expect(
            feed(&table, #"{"runId":"r","state":"delta","message":{"content":[{"type":"text","text":"a\"bc"}]}}"#)
                == .delta(.append("c")))
    }

    @Test func tooManyRunsEvictTheIdlest() throws {
        var table = RunTable(gatewayID: "home")
        for index in 0..<RunTable.liveLimit { table.register(id: "r\(index)", sessionKey: "agent:main:x") }
        _ = try table.receive(chat: ["runId": "r0", "state": "status", "phase": "p"])
        table.register(id: "new", sessionKey: "agent:main:x")
        #expect(table.evictions.map(\.run.id) == ["r1"])
        #expect(table.liveCount == RunTable.liveLimit)
        #expect(table.run(id: "r1")?.isFinished == true)
    }

    @Test func finishedRunsAreForgottenInTheEnd() throws {
        var table = RunTable(gatewayID: "home")
        for index in 0...RunTable.finishedLimit {
            _ = try table.receive(chat: ["runId": .string("r\(index)"), "state": "final"])
        }
        #expect(table.run(id: "r0") == nil)
        #expect(table.run(id: "r1")?.isFinished == true)
        #expect(table.liveCount == 0)
        table.forget(id: "r1")
        table.register(id: "r2", sessionKey: "s")
        #expect(table.run(id: "r2")?.isFinished == false)
        #expect(table.liveCount == 1)
    }

    @Test func aReplyBeyondTheLimitFailsTheRun() {
        var table = RunTable(gatewayID: "home")
        let text = String(repeating: "x", count: ReplyProgress.textLimit + 1)
        let failure = RunFailure(message: "the reply is longer than 8 MiB", kind: "too_long")
        #expect(feed(&table, #"{"runId":"r","state":"delta","deltaText":"\#(text)"}"#) == .failed(failure))
        #expect(feed(&table, #"{"runId":"r","state":"delta","deltaText":"x"}"#) == nil)
    }

    static let wrongPayloads: [JSONValue] = [
        [:], ["runId": 5, "state": "delta"], ["runId": "", "state": "final"], ["runId": "r"], 5,
    ]

    @Test(arguments: wrongPayloads)
    func wrongTypesAreRefused(payload: JSONValue) {
        var table = RunTable(gatewayID: "home")
        #expect(throws: ReplyProgress.Failure.malformed) { try table.receive(chat: payload) }
    }

    private func feed(_ table: inout RunTable, _ payload: String) -> ChatEvent? {
        let frame = ByteBuffer(string: #"{"type":"event","event":"chat","payload":\#(payload)}"#)
        return FrameReader.read(frame) { frame in
            guard case .delta(let delta) = frame else { return nil }
            return try? table.receive(delta)?.event
        }
    }
}
