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

    private func end(
        _ message: String?, _ rows: [JSONValue], clockLead: Int64? = nil, twins: (Int, [Int64]) = (0, []),
        isNewest: Bool = false
    ) -> HistorySearch.Result {
        var run = SoughtRun(
            runID: "r", sessionKey: "k", message: message, since: Timestamp(milliseconds: Self.sent))
        run.isNewest = isNewest
        var search = HistorySearch(messages: rows.compactMap { HistoryMessage(json: $0) }, clockLead: clockLead)
        search.twins = (twins.0, twins.1.map { Timestamp(milliseconds: Self.sent + $0) })
        return search.end(of: run)
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
        #expect(text(end(rows)) == "Let me look\n\nIt is 42")
    }

    /// The clocks are compared at each connect, so that an older message with the same words is not taken for this one.
    @Test(arguments: [0, 3_600_000, -3_600_000] as [Int64])
    func theSameWordsBeforeAreAnotherMessage(clockLead: Int64) {
        let before = [
            row("user", "Hello", after: -60_000 - clockLead), row("assistant", "Old", after: -59_000 - clockLead),
        ]
        let after = [row("user", "Hello", after: 50 - clockLead), row("assistant", "New", after: 900 - clockLead)]
        #expect(end("Hello", before, clockLead: clockLead) == .unseen)
        #expect(text(end("Hello", before + after, clockLead: clockLead)) == "New")
    }

    /// Without a common clock the messages of ours that the gateway took are counted.
    @Test func messagesOfOursWithTheSameWordsAreCounted() {
        let rows = [
            row("user", "Hello", after: -60_000), row("assistant", "Old"), row("user", "Hello"),
            row("assistant", "New"), row("user", "Hello"), row("assistant", "Newer"),
        ]
        #expect(end("Hello", Array(rows[..<2]), twins: (1, [])) == .unseen)
        #expect(text(end("Hello", Array(rows[..<4]), twins: (1, []))) == "New")
        #expect(text(end("Hello", rows, twins: (1, [5_000]))) == "New")
    }

    /// The gateway lost the first one, and got the second: its answer is the answer to that one alone.
    @Test(arguments: [0, nil] as [Int64?]) func aLaterMessageWithTheSameWordsIsNotTheSame(clockLead: Int64?) {
        let later = [row("user", "Hello", after: 60_000), row("assistant", "Later", after: 61_000)]
        #expect(end("Hello", later, clockLead: clockLead, twins: (0, [59_900])) == .unseen)
        let both = [row("user", "Hello", after: 100), row("assistant", "First", after: 900)] + later
        #expect(text(end("Hello", both, clockLead: clockLead, twins: (0, [59_900]))) == "First")
    }

    /// The gateway took the later one, and has not written it down.
    @Test func withACommonClockTheOlderOneIsNotTakenForALaterOne() {
        let rows = [row("user", "Hello", after: 100), row("assistant", "First", after: 900)]
        #expect(text(end("Hello", rows, clockLead: 0, twins: (0, [59_900]))) == "First")
    }

    /// The gateway says that it got this text, however long ago.
    @Test func theNewestMessageIsFoundWhateverItsTime() {
        let rows = [row("user", "Hello", after: -9_000_000), row("assistant", "Old", after: -8_000_000)]
        #expect(text(end("Hello", rows, clockLead: 0, isNewest: true)) == "Old")
    }

    @Test func theEndOfALongerMessageIsNotTheMessage() {
        #expect(end("yes", [row("user", "oh yes"), row("assistant", "Hm")]) == .unseen)
        #expect(end("", [row("user", "oh yes"), row("assistant", "Hm")]) == .unseen)
    }

    /// Of a long answer the gateway tells the beginning; that is not the answer.
    @Test func aCutAnswerIsNotTakenForTheWhole() {
        let cut = [row("user", "Hello"), row("assistant", "Once upon\n...(truncated)...")]
        guard case .ended(.failed(let failure)) = end(cut) else {
            Issue.record("taken for the whole")
            return
        }
        #expect(failure.kind == RunFailure.truncated)
        #expect(failure.partial?.text == "Once upon")
        let omitted = row(
            "assistant", "[chat.history omitted: message too large]",
            more: ["__openclaw": ["truncated": true, "reason": "oversized"]])
        guard case .ended(.failed(let nothing)) = end([row("user", "Hello"), omitted]) else {
            Issue.record("taken for the answer")
            return
        }
        #expect(nothing.partial == nil)
    }

    @Test func aCutMessageIsFoundByItsBeginning() {
        let rows = [row("user", "Hel\n...(truncated)..."), row("assistant", "Hi")]
        #expect(text(end(rows)) == "Hi")
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
        #expect(end(nil, [row("assistant", "Old", after: -1)]) == .pending)
        #expect(end(nil, [row("assistant", "Old", after: 1), row("user", "Well?", after: 2)]) == .pending)
    }
}
