import Histogram

/// How long things took, as an HDR histogram of milliseconds with two significant digits.
package struct Latencies: Sendable {
    /// Longer times count as a day.
    static let longest: UInt64 = 86_400_000

    /// Nil until the first value: most cells have none.
    private(set) var histogram: Histogram<UInt32>?

    package init() {}

    package var count: UInt64 { histogram?.totalCount ?? 0 }

    /// The time in milliseconds that this share of the values did not exceed; nil when there are none.
    package func percentile(_ percent: Double) -> Int? {
        histogram.map { Int(clamping: $0.valueAtPercentile(percent)) }
    }

    /// The longest time in milliseconds.
    package var max: Int? { histogram.map { Int(clamping: $0.maxRecorded) } }

    /// In milliseconds.
    package var mean: Double? { histogram?.mean }

    package mutating func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let milliseconds =
            seconds.multipliedReportingOverflow(by: 1000).partialValue + attoseconds / 1_000_000_000_000_000
        record(milliseconds: UInt64(Swift.max(0, milliseconds)), count: 1)
    }

    package mutating func record(milliseconds: UInt64, count: UInt32) {
        change { $0.record(min(milliseconds, Self.longest), count: count) }
    }

    /// Changes the histogram in one go: to reach it for each value anew would cost as much as the value.
    mutating func change(_ body: (inout Histogram<UInt32>) throws -> Void) rethrows {
        var changed = histogram ?? Self.empty
        histogram = nil
        defer { histogram = changed }
        try body(&changed)
    }

    /// With room for the usual from the start: to grow costs more than to record.
    private static let empty: Histogram<UInt32> = {
        var histogram = Histogram<UInt32>(highestTrackableValue: 60_000, numberOfSignificantValueDigits: .two)
        histogram.autoResize = true
        return histogram
    }()

    package mutating func add(_ other: Latencies) {
        guard let added = other.histogram else { return }
        if histogram == nil { histogram = added } else { histogram?.add(added) }
    }
}
