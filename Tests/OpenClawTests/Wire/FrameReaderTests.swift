import NIOCore
import Testing

@testable import OpenClaw

@Suite struct FrameReaderTests {
    @Test(arguments: [
        (#"{"role":"assistant","content":[{"type":"text","text":"A \"b\""}],"timestamp":1}"#, #"A \"b\""#),
        (#"{"role":"assistant","content":[{"type":"thinking","thinking":"x"},{"text":"T","type":"text"} ] }"#, "T"),
        (#"{"content":"plain"}"#, "plain"), (#"{"content":[],"text":"t"}"#, "t"),
        (#"{"content":"c","text":"wins"}"#, "wins"), (#"{"content":"c","text":""}"#, "c"),
    ])
    func textOfAMessage(message: String, text: String) {
        let payload = #"{"runId":"r","sessionKey":"s","state":"delta","message":\#(message),"deltaText":"d"}"#
        let frame = #"{"type":"event","event":"chat","payload":\#(payload),"seq":null}"#
        #expect(summary(frame) == "delta r s [\(text)] [d]")
    }

    @Test func deltaWithoutMessage() {
        let payload = #"{"state":"delta","runId":"r","deltaText":"x","replace":true}"#
        #expect(summary(#" {"type":"event","event":"chat","payload":\#(payload)} "#) == "delta r  [-] [x] replaces")
    }

    @Test(arguments: [
        (#"{"type":"event","event":"agent","payload":{"stream":"assistant","data":{"text":"never"}}}"#, "ignored"),
        (#"{"type":"event","event":"tick","payload":{"ts":1},"seq":null}"#, "ignored"),
        (#"{"type":"event","event":"chat","payload":{"runId":"r","state":"final"}}"#, "document"),
        (
            #"{"type":"event","event":"chat","payload":{"runId":"r","state":"delta","message":{"role":"user"}}}"#,
            "document"
        ),
        (#"{"type":"event","event":"chat","payload":{"runId":7,"state":"delta"}}"#, "document"),
        (#"{"type":"event","event":"chat","payload":{"runId":"a\u0062","state":"delta","deltaText":"x"}}"#, "document"),
        (#"{"type":"event","payload":{"runId":"r","state":"delta","deltaText":"x"},"event":"chat"}"#, "document"),
        (#"{"type":"res","id":"1","ok":true}"#, "document"), (#"{"event":5}"#, "document"), ("{}", "document"),
        (#"{"type":"event","event":"chat","payload":{"runId":"r","state":"delta","deltaText":"x"}} x"#, "garbage"),
        (#"{"type":"event","event":"chat","payload":{"runId":"r","sta"#, "garbage"),
        ("", "garbage"), ("[]", "garbage"), ("hello", "garbage"), ("\"\\", "garbage"), ("nul", "garbage"),
    ])
    func sorts(frame: String, kind: String) {
        #expect(summary(frame) == kind)
    }

    @Test func invalidUTF8IsGarbage() {
        var bytes = Array(
            #"{"type":"event","event":"chat","payload":{"runId":"r","state":"delta","deltaText":"x"}}"#.utf8)
        bytes[bytes.count - 4] = 0xFF
        #expect(FrameReader.read(ByteBuffer(bytes: bytes), describe) == "garbage")
    }

    /// Every cut of a frame, in buffers with and without room behind.
    @Test func halfFramesAreGarbage() {
        let frame = Array(
            #"{"type":"event","event":"chat","payload":{"runId":"r","state":"delta","deltaText":"x"}}"#.utf8)
        for count in frame.indices {
            #expect(FrameReader.read(ByteBuffer(bytes: frame[..<count]), describe) == "garbage")
            var slice = ByteBuffer(bytes: frame + [UInt8](repeating: 0x20, count: 200))
            slice.moveWriterIndex(to: count)
            #expect(FrameReader.read(slice, describe) == "garbage")
        }
    }

    private func summary(_ frame: String) -> String { FrameReader.read(ByteBuffer(string: frame), describe) }

    private func describe(_ frame: GatewayFrame) -> String {
        switch frame {
        case .delta(let delta):
            "delta \(text(delta.runID)) \(text(delta.sessionKey)) [\(text(delta.snapshot))] [\(text(delta.deltaText))]"
                + (delta.replaces ? " replaces" : "")
        case .document: "document"
        case .ignored: "ignored"
        case .garbage: "garbage"
        }
    }

    private func text(_ bytes: UnsafeRawBufferPointer?) -> String {
        bytes.map { String(decoding: $0, as: UTF8.self) } ?? "-"
    }
}
