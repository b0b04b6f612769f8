import Testing

@testable import OpenClawTesting

struct FinishedRunsTests {
    @Test func outcomesLastFiveMinutes() {
        var runs = FinishedRuns()
        runs.record("a", .failed(message: "no"), at: 1000)
        #expect(runs.outcome("a", at: 301_000) == .failed(message: "no"))
        #expect(runs.outcome("a", at: 301_001) == nil)
        #expect(runs.outcome("b", at: 1000) == nil)
    }

    @Test func theNewestThousandAreKept() {
        var runs = FinishedRuns()
        for number in 0...1000 { runs.record("\(number)", .ended, at: 0) }
        #expect(runs.outcome("0", at: 0) == nil)
        #expect(runs.outcome("1", at: 0) == .ended)
    }
}
