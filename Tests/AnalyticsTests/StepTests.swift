import Analytics
import Foundation
import Testing

@Suite struct StepTests {
    private let berlin = TimeZone(identifier: "Europe/Berlin") ?? .gmt

    private func second(_ text: String) throws -> Int64 {
        Int64(try Date.ISO8601FormatStyle().parse(text).timeIntervalSince1970)
    }

    private func lengths(_ edges: [Int64]) -> [Int64] { zip(edges, edges.dropFirst()).map { $1 - $0 } }

    @Test func daysAreAsLongAsTheyAre() throws {
        // Clocks went forward on 29 March and back on 25 October 2026.
        let spring = try #require(
            AnalyticsStep.day.edges(
                from: try second("2026-03-28T12:00:00Z"), to: try second("2026-03-30T22:00:00Z"), in: berlin))
        #expect(lengths(spring) == [86_400, 82_800, 86_400])
        #expect(spring.first == (try second("2026-03-27T23:00:00Z")))
        let autumn = try #require(
            AnalyticsStep.hour.edges(
                from: try second("2026-10-24T22:00:00Z"), to: try second("2026-10-25T23:00:00Z"), in: berlin))
        #expect(lengths(autumn) == Array(repeating: 3600, count: 25))
    }

    @Test func weeksBeginOnMondayAndMonthsOnTheFirst() throws {
        let weeks = try #require(
            AnalyticsStep.week.edges(
                from: try second("2026-01-07T00:00:00Z"), to: try second("2026-01-20T00:00:00Z"), in: .gmt))
        #expect(weeks.first == (try second("2026-01-05T00:00:00Z")))
        #expect(lengths(weeks) == [604_800, 604_800, 86_400])
        let months = try #require(
            AnalyticsStep.month.edges(
                from: try second("2026-01-31T00:00:00Z"), to: try second("2026-03-01T00:00:00Z"), in: .gmt))
        #expect(lengths(months) == [31 * 86_400, 28 * 86_400])
    }

    @Test func stretchesOfHoursBeginAtMidnight() throws {
        let edges = try #require(
            AnalyticsStep.sixHours.edges(
                from: try second("2026-01-01T10:00:00Z"), to: try second("2026-01-02T01:00:00Z"), in: berlin))
        #expect(
            edges
                == (try [
                    "2026-01-01T05:00:00Z", "2026-01-01T11:00:00Z", "2026-01-01T17:00:00Z",
                    "2026-01-01T23:00:00Z", "2026-01-02T01:00:00Z",
                ].map(second)))
    }

    @Test func thereAreNotTooMany() throws {
        let start = try second("2026-01-01T00:00:00Z")
        #expect(AnalyticsStep.minute.edges(from: start, to: start + 60 * 2000, in: .gmt)?.count == 2001)
        #expect(AnalyticsStep.minute.edges(from: start, to: start + 60 * 2001, in: .gmt) == nil)
    }
}
