import JSON
import OpenClawTesting
import Testing
import WebSocketTransport

@testable import BrowserEndpoint

@Suite(.timeLimit(.minutes(1))) struct BadFrameTests {
    private static let long = String(repeating: "k", count: 513)

    /// Frames that cannot be understood, the code that answers them, and the id on the answer.
    private static let frames: [(String, String, JSONValue?)] = [
        ("", "bad_request", nil),
        ("nonsense", "bad_request", nil),
        (#"{"type":"ping""#, "bad_request", nil),
        ("[]", "bad_request", nil),
        ("null", "bad_request", nil),
        ("{}", "bad_request", nil),
        (#"{"id":1}"#, "bad_request", 1),
        (#"{"id":"x","type":7}"#, "bad_request", "x"),
        (#"{"id":"x","type":"dance"}"#, "bad_request", "x"),
        (#"{"id":{},"type":"ping"}"#, "bad_request", nil),
        (#"{"id":1.5,"type":"ping"}"#, "bad_request", nil),
        (#"{"id":"\#(String(repeating: "i", count: 201))","type":"ping"}"#, "bad_request", nil),
        (#"{"id":"x","type":"chat","message":"Hello"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"","message":"Hello"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"  ","message":"Hello"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":7,"message":"Hello"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"a\u0000b","message":"Hello"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"\#(long)","message":"Hello"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":""}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":" \n\t "}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":"\u0007"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":["Hello"]}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":"a\u0000b"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":"Hi","idempotencyKey":"a b"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":"Hi","idempotencyKey":"é"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":"Hi","idempotencyKey":"\#(long)"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":"Hi","attachments":{}}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":"Hi","attachments":[{}]}"#, "bad_request", "x"),
        (
            #"{"id":"x","type":"chat","sessionKey":"s","attachments":[{"type":"image","mimeType":"image/png","content":"%%"}]}"#,
            "bad_request", "x"
        ),
        (
            #"{"id":"x","type":"chat","sessionKey":"s","attachments":[{"type":"image","mimeType":"a/b","content":"aGkh","fileName":7}]}"#,
            "bad_request", "x"
        ),
        (
            #"{"id":"x","type":"chat","sessionKey":"s","attachments":[{"type":"image","mimeType":"a/b","content":"aGkh","fileName":"a\u0000"}]}"#,
            "bad_request", "x"
        ),
        (#"{"id":"x","type":"chat","sessionKey":"a\ud800","message":"Hello"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":"Hi","gateway":7}"#, "bad_request", "x"),
        (#"{"id":"x","type":"chat","sessionKey":"s","message":"Hi","gateway":"mars"}"#, "unknown_gateway", "x"),
        (#"{"id":"x","type":"agents","gateway":"mars"}"#, "unknown_gateway", "x"),
        (#"{"id":"x","type":"subscribe"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"history","sessionKey":"s","limit":0}"#, "bad_request", "x"),
        (#"{"id":"x","type":"history","sessionKey":"s","limit":501}"#, "bad_request", "x"),
        (#"{"id":"x","type":"history","sessionKey":"s","limit":"5"}"#, "bad_request", "x"),
        (#"{"id":"x","type":"history","sessionKey":"s","before":1.5}"#, "bad_request", "x"),
        (String(repeating: "[", count: 100_000), "bad_request", nil),
        (
            #"{"id":"x","type":"ping","x":\#(String(repeating: "[", count: 5000))\#(String(repeating: "]", count: 5000))}"#,
            "bad_request", nil
        ),
    ]

    @Test(arguments: [
        ("aGk=", true), ("aGkh", true), ("data:image/png;base64,aGkh", true), ("data:;base64,aGkh", true),
        ("", false), ("aGk", false), ("a===", false), ("aG=h", false), ("aG k", false), ("data:,aGkh", false),
        ("data:image/png;base64", false), ("data:image/png;base64,", false),
    ]) func attachmentsAreBase64(content: String, isBase64: Bool) {
        #expect(FrameLimits.isBase64(content) == isBase64)
    }

    @Test func eachIsAnsweredAndTheSocketStaysUsable() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            for (text, code, id) in Self.frames {
                browser.send(text: text)
                let error = try await browser.next()
                #expect(error["type"] == "error", "\(text.prefix(80))")
                #expect(error["code"]?.string == code, "\(text.prefix(80))")
                #expect(error["id"] == id, "\(text.prefix(80))")
                #expect(error["message"]?.string?.isEmpty == false, "\(text.prefix(80))")
            }
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Fine")
            #expect(try await browser.turn("r").text == "Fine")
        }
    }

    /// Half of a pair is no text (RFC 8259 section 8.2 leaves open what to do): it becomes the replacement character.
    @Test(arguments: [#"a\ud800b"#, #"a\udc00b"#]) func aLoneSurrogateIsReplaced(text: String) async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.send(text: #"{"type":"chat","sessionKey":"s","idempotencyKey":"r","message":"\#(text)"}"#)
            let run = try await rig.gateway.nextRun()
            #expect(run.prompt.message == "a\u{FFFD}b")
            await run.final("Fine")
            #expect(try await browser.turn("r").text == "Fine")
        }
    }

    @Test func aBinaryFrameIsAnsweredToo() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.sendBinary()
            #expect(try await browser.next()["code"] == "bad_request")
            #expect(try await browser.pending().isEmpty)
        }
    }

    @Test func aFrameThatIsTooLargeClosesTheSocket() async throws {
        var options = Rig.Options()
        options.socket.maxMessageBytes = 1000
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat(String(repeating: "x", count: 1000))
            #expect(try await browser.closeCode() == 1009)
        }
    }

    @Test func withTwoGatewaysAFrameMustSayWhich() async throws {
        var options = Rig.Options()
        options.gateways = ["home", "away"]
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let error = try await browser.next(type: "error")
            #expect(error["code"] == "bad_request")
            #expect(error["message"]?.string?.contains("home, away") == true)
            browser.send([
                "type": "chat", "sessionKey": "s", "message": "Hello", "gateway": "away", "idempotencyKey": "r",
            ])
            await (try await rig.gateways[1].nextRun()).final("Far")
            let turn = try await browser.turn("r")
            #expect(turn.text == "Far")
            #expect(turn.last["gateway"] == "away")
        }
    }

    @Test func tooManyWatchedSessionsAreRefused() async throws {
        var options = Rig.Options()
        options.limits.maxWatched = 2
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            try await browser.subscribe("one")
            try await browser.subscribe("two")
            browser.send(["type": "subscribe", "sessionKey": "three", "id": 3])
            let error = try await browser.next()
            #expect(error["code"] == "bad_request")
            #expect(error["id"] == 3)
            // Another spelling of one that is watched already.
            try await browser.subscribe("ONE")
        }
    }

    @Test func tooManyConnectionsAreTurnedAway() async throws {
        var options = Rig.Options()
        options.limits.maxConnections = 1
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            let other = try await Browser.connect(port: rig.port)
            #expect(try await other.closeCode() == 1013)
            #expect(try await browser.pending().isEmpty)
        }
    }
}
