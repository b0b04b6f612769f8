import JSON
import MiddlewareKit
import Testing

@testable import OpenClaw

@Suite struct ChatRequestTests {
    @Test func whatIsEmptyIsLeftOut() {
        var request = ChatRequest(sessionKey: "main", message: "hi", idempotencyKey: "k")
        #expect(
            request.params(canonicalKey: "agent:main:main")
                == ["sessionKey": "agent:main:main", "message": "hi", "deliver": false, "idempotencyKey": "k"])
        request.attachments = [Attachment(type: "image", mimeType: "image/png", content: "AAAA")]
        #expect(
            request.params(canonicalKey: "k")["attachments"]
                == [["type": "image", "mimeType": "image/png", "content": "AAAA"]])
    }

    static let answers: [(JSONValue, ChatAcknowledgement)] = [
        (["runId": "k", "status": "started"], .started(runID: "k")),
        (["runId": "other", "status": "in_flight"], .inFlight(runID: "other")),
        (["runId": "k", "status": "ok"], .finished(runID: "k")), (["status": "timeout"], .finished(runID: "k")),
        (["ok": true, "aborted": true, "runIds": ["a", "b"]], .stopped(runIDs: ["a", "b"])),
        ([:], .started(runID: "k")), (["runId": "x"], .started(runID: "x")),
    ]

    @Test(arguments: answers)
    func acknowledgements(payload: JSONValue, expected: ChatAcknowledgement) {
        #expect(ChatAcknowledgement(payload: payload, key: "k") == expected)
    }
}
