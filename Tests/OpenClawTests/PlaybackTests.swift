import JSON
import NIOCore
import Testing

@testable import OpenClaw

/// Recorded gateways, played back frame by frame: each `in` frame comes after the `out` frame before it was sent.
@Suite struct PlaybackTests {
    @Test(arguments: Recording.names)
    func everyRecordingPlays(name: String) throws {
        let playback = try Playback(name)
        #expect(playback.garbage == 0)
        #expect(playback.unanswered == 0)
        #expect(
            playback.texts.keys.allSatisfy { playback.finals[$0] != nil } || name == "gateway-shutdown"
                || name == "abort")
        for (run, final) in playback.finals { #expect(playback.texts[run] ?? final == final, "run \(run)") }
    }

    @Test func statesAfterwards() throws {
        #expect(try Playback("chat-basic").states.contains(.ready))
        #expect(try Playback("bad-token").machine.status.state == .refused)
        #expect(try Playback("no-token").machine.status.remedy?.contains("token") == true)
        #expect(
            try Playback("protocol-mismatch").machine.status.reason
                == "protocol mismatch: the gateway speaks protocol 3")
        let shutdown = try Playback("gateway-shutdown")
        #expect(shutdown.machine.status.state == .backingOff)
        #expect(shutdown.runs.liveCount == 1)
    }

    @Test func texts() throws {
        let tool = try Playback("tool-call")
        #expect(Array(tool.finals.values) == ["Echo: [Sun 2026-11-22 22:11 UTC] please-tool now"])
        #expect(tool.texts == tool.finals)
        #expect(try Playback("abort").finals["abort-2"] == "word0 word1 word2 word3 word4 word5 word6")
        #expect(Array(try Playback("empty-reply").finals.values) == [""])
        #expect(try Playback("model-error").failures.count == 1)
        #expect(try Playback("concurrent").finals.count == 5)
        #expect(try Playback("two-clients.B").sessions == ["agent:main:rec-two"])
        #expect(try Playback("plain-session-key").sessions.count == 1)
    }
}

/// Drives a state machine and a run table with one recording.
private struct Playback {
    var machine: GatewayStateMachine
    var runs = RunTable(gatewayID: "home")
    /// By run: the joined increments, and the text of the terminal event.
    var texts: [String: String] = [:]
    var finals: [String: String] = [:]
    var failures: [String] = []
    var sessions: Set<String> = []
    var states: [GatewayStatus.State] = []
    var garbage = 0
    /// Requests of ours by the recorded id.
    private var ids: [String: String] = [:]
    private let time = TestTime()
    private var sent: [GatewayRequest] = []

    var unanswered: Int { machine.pending.count }

    init(_ name: String) throws {
        let harness = try MachineHarness(token: "secret-token")
        machine = harness.machine
        take(machine.start(now: time.now))
        take(machine.socketOpened(now: time.now))
        for line in try Recording(name).lines {
            if line.isIncoming { try receive(line) } else { try send(line.frame) }
        }
    }

    private mutating func send(_ frame: JSONValue) throws {
        let id = try #require(frame["id"]?.string)
        let method = try #require(frame["method"]?.string)
        if method != "connect" {
            if method == "chat.send", let run = frame["params"]?["idempotencyKey"]?.string {
                runs.register(id: run, sessionKey: runs.keys.canonical(frame["params"]?["sessionKey"]?.string ?? ""))
            }
            take(try machine.submit(method: method, params: frame["params"] ?? [:]).actions)
        }
        let request = try #require(sent.last)
        #expect(request.method == method)
        ids[id] = request.id
    }

    private mutating func receive(_ line: Recording.Line) throws {
        if let close = line.frame["__closed__"] {
            let code = close["code"]?.int.map(UInt16.init)
            return take(machine.socketClosed(code: code, reason: close["reason"]?.string ?? "", now: time.now))
        }
        var frame = line.frame
        if let id = frame["id"]?.string, var members = frame.object {
            members["id"] = .string(try #require(ids[id]))
            frame = .object(members)
        }
        FrameReader.read(ByteBuffer(string: frame.encoded())) { frame in
            switch frame {
            case .delta(let delta):
                if let event = try? runs.receive(delta) { take(event) }
            case .document(let document): take(machine.received(document, now: time.now))
            case .ignored: machine.noteActivity()
            case .garbage: garbage += 1
            }
        }
    }

    private mutating func take(_ actions: [GatewayStateMachine.Action]) {
        sent += actions.requests
        for action in actions {
            switch action {
            case .publish(let status): states.append(status.state)
            case .connected(let hello): runs.keys.read(sessionDefaults: hello.sessionDefaults)
            case .event("chat", let payload):
                guard let events = try? runs.receive(chat: payload) else {
                    garbage += 1
                    continue
                }
                for event in events { take(event) }
            default: break
            }
        }
    }

    private mutating func take(_ event: RunTable.Event) {
        let id = event.run.id
        sessions.insert(event.run.sessionKey)
        switch event.event {
        case .delta(.append(let text)): texts[id, default: ""] += text
        case .delta(.replace(let text)): texts[id] = text
        case .final(let message): finals[id] = message?.text ?? texts[id] ?? ""
        case .aborted(let message, _): finals[id] = message?.text ?? texts[id] ?? ""
        case .failed(let failure): failures.append(failure.message)
        case .status: break
        }
    }
}
