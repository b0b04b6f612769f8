import JSON
import MiddlewareKit
import Testing

@testable import OpenClaw

@Suite struct HistorySearchTests {
    private static let sent: Int64 = 1_767_225_600_000

    private func row(_ role: String, _ text: String, after: Int64 = 1000, more: JSONObject = [:]) -> JSONValue {
        var row: JSONObject = [
            "role": .string(role), "content": [["type": "text", "text": .string(text)]],
            "timestamp": .integer(Self.sent + after),
        ]
        for (name, value) in more { row[name] = value }
        return .object(row)
    }

    private func end(_ message: String?, _ rows: [JSONValue]) -> HistorySearch.Result {
        let run = SoughtRun(
            runID: "r", sessionKey: "k", message: message, since: Timestamp(milliseconds: Self.sent))
        return HistorySearch(messages: rows.compactMap { HistoryMessage(json: $0) }).end(of: run)
    }

    private func end(_ rows: [JSONValue]) -> HistorySearch.Result { end("Hello", rows) }

    private func text(_ result: HistorySearch.Result) -> String? {
        if case .ended(.final(let message)) = result { message?.text } else { nil }
    }

    @Test func theAnswerFollowsTheMessage() {
        let rows = [
            row("user", "Hello", after: -9_000_000), row("assistant", "Old"), row("user", "Hello"),
            row("assistant", "New"), row("user", "Later"), row("assistant", "Other"),
        ]
        #expect(text(end(rows)) == "New")
    }

    @Test func withoutTheMessageNothingIsKnown() {
        #expect(end([row("user", "Bye"), row("assistant", "Bye")]) == .unseen)
        #expect(end([]) == .unseen)
        // The same words, long before.
        #expect(end([row("user", "Hello", after: -9_000_000), row("assistant", "Old", after: -8_000_000)]) == .unseen)
    }

    @Test func anOpenQuestionIsPending() {
        #expect(end([row("user", "Hello")]) == .pending)
        #expect(
            end([row("user", "Hello"), row("assistant", "Let me look", more: ["stopReason": "toolUse"])]) == .pending)
    }

    @Test func theLastOfSeveralStepsCounts() {
        let rows = [
            row("user", "Hello"), row("assistant", "Let me look", more: ["stopReason": "toolUse"]),
            row("toolResult", "42"), row("assistant", "It is 42", more: ["stopReason": "stop"]),
        ]
        #expect(text(end(rows)) == "It is 42")
    }

    @Test func aFailedAnswerSaysWhy() {
        let rows = [
            row("user", "Hello"), row("assistant", "", more: ["stopReason": "error", "errorMessage": "no credit"]),
        ]
        #expect(end(rows) == .ended(.failed(RunFailure(message: "no credit"))))
    }

    @Test func aStoppedAnswerIsAborted() {
        let rows = [row("user", "Hello"), row("assistant", "Once", more: ["openclawAbort": ["aborted": true]])]
        guard case .ended(.aborted(let message, _)) = end(rows) else {
            Issue.record("not aborted")
            return
        }
        #expect(message?.text == "Once")
    }

    @Test(arguments: ["Hello", " Hello\u{0}\u{7}\n", "[Mon 08:00] Hello"])
    func theTextIsComparedAsTheGatewayKeepsIt(stored: String) {
        #expect(text(end([row("user", stored), row("assistant", "Hi")])) == "Hi")
    }

    @Test func aRunFromElsewhereEndsWithTheLastNewAnswer() {
        #expect(text(end(nil, [row("assistant", "Old", after: -1), row("assistant", "New", after: 1)])) == "New")
        #expect(end(nil, [row("assistant", "Old", after: -1)]) == .unseen)
    }
}
