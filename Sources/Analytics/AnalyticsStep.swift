package import Foundation

/// How long the stretches of a time series are, the shortest first. They begin on the hour, the day, the week or the month of a time zone.
package enum AnalyticsStep: String, Sendable, CaseIterable {
    case minute = "1m"
    case fiveMinutes = "5m"
    case quarter = "15m"
    case hour = "1h"
    case sixHours = "6h"
    case day = "1d"
    case week = "1w"
    case month = "1mo"

    /// How many stretches a time series may have.
    package static let maxStretches = 2000

    /// The edges of the stretches that hold the time from `from` to `to`, in seconds since 1970. The first is where the stretch
    /// of `from` begins, the last is `to`. Nil: there would be more than ``maxStretches``.
    package func edges(from: Int64, to: Int64, in zone: TimeZone) -> [Int64]? {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = zone
        var edges = [begin(of: from, calendar)]
        while let last = edges.last, last < to {
            guard edges.count <= Self.maxStretches else { return nil }
            edges.append(min(to, end(of: last, calendar)))
        }
        return edges
    }

    private func begin(of second: Int64, _ calendar: Calendar) -> Int64 {
        let date = Date(timeIntervalSince1970: Double(second))
        if let component { return calendar.dateInterval(of: component, for: date)?.start.second ?? second }
        let midnight = calendar.startOfDay(for: date).second
        return midnight + (second - midnight) / seconds * seconds
    }

    /// Where the stretch that begins at `second` ends. A day on which clocks change is an hour longer or shorter.
    private func end(of second: Int64, _ calendar: Calendar) -> Int64 {
        let date = Date(timeIntervalSince1970: Double(second))
        if let component { return calendar.dateInterval(of: component, for: date)?.end.second ?? second + 86_400 }
        let nextMidnight = calendar.dateInterval(of: .day, for: date)?.end.second ?? .max
        return min(second + seconds, nextMidnight)
    }

    private var component: Calendar.Component? {
        switch self {
        case .day: .day
        case .week: .weekOfYear
        case .month: .month
        default: nil
        }
    }

    private var seconds: Int64 {
        switch self {
        case .minute: 60
        case .fiveMinutes: 300
        case .quarter: 900
        case .hour: 3600
        case .sixHours: 21_600
        case .day, .week, .month: 86_400
        }
    }
}

extension AnalyticsStep: Comparable {
    package static func < (one: Self, other: Self) -> Bool {
        (allCases.firstIndex(of: one) ?? 0) < (allCases.firstIndex(of: other) ?? 0)
    }
}

extension Date {
    fileprivate var second: Int64 { Int64(timeIntervalSince1970.rounded()) }
}
