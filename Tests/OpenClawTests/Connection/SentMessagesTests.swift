import MiddlewareKit
import Testing

@testable import OpenClaw

@Suite struct SentMessagesTests {
    private func at(_ second: Int64) -> Timestamp { Timestamp(milliseconds: second * 1_000) }

    @Test func othersWithTheSameTextAreCounted() {
        var sent = SentMessages()
        for (second, run) in ["a", "b", "c", "d"].enumerated() {
            sent.note(run, run == "d" ? "no" : "yes", in: "s", at: at(Int64(second)))
        }
        sent.note("elsewhere", "yes", in: "t", at: at(9))
        func twins(_ run: String, earliest: Int64 = 0) -> [Int] {
            let twins = sent.twins(of: run, "yes ", in: "s", sentAt: at(1), earliest: earliest)
            return [twins.before, twins.after.count]
        }
        #expect(twins("b") == [0, 0])
        for run in ["a", "b", "c", "d", "elsewhere"] { sent.arrived(run) }
        #expect(twins("b") == [1, 1])
        #expect(twins("b", earliest: 500) == [0, 1])
        // One that was sent before the server was started.
        #expect(twins("unknown") == [2, 1])
        sent.remember(SoughtRun.Twin(runID: "a", sentAt: at(9)), "yes", in: "s")
        sent.remember(SoughtRun.Twin(runID: "old", sentAt: at(0)), "yes", in: "s")
        #expect(twins("b") == [2, 1])
    }

    @Test func onlyTheFirstAttemptCounts() {
        var sent = SentMessages()
        sent.note("a", "yes", in: "s", at: at(1))
        sent.note("a", "yes", in: "s", at: at(2))
        #expect(sent.time(of: "a") == at(1))
        for number in 0..<1_000 { sent.note("\(number)", "yes", in: "s", at: at(3)) }
        #expect(sent.time(of: "a") == nil)
    }
}
