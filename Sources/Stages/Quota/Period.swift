import Foundation
import MiddlewareKit

/// An hour, a day or a month, in UTC.
struct Period: Sendable {
    /// `2026-11`, `2026-11-23` or `2026-11-23T14`.
    let name: String
    let end: Timestamp

    /// The end for a person: `2026-11-24 00:00 UTC`.
    var endText: String {
        let text = Date(timeIntervalSince1970: Double(end.milliseconds) / 1000).formatted(.iso8601)
        return text.prefix(16).replacing("T", with: " ") + " UTC"
    }
}

extension QuotaOptions.Period {
    func period(at now: Timestamp) -> Period {
        let text = Date(timeIntervalSince1970: Double(now.milliseconds) / 1000).formatted(.iso8601)
        switch self {
        case .hour:
            return Period(name: String(text.prefix(13)), end: Self.next(now, 3_600_000))
        case .day:
            return Period(name: String(text.prefix(10)), end: Self.next(now, 86_400_000))
        case .month:
            // 32 days after the first of a month is always in the next one.
            let day = Int64(text.dropFirst(8).prefix(2)) ?? 1
            let first = Self.next(now, 86_400_000).milliseconds - day * 86_400_000
            let later = Date(timeIntervalSince1970: Double(first + 32 * 86_400_000) / 1000).formatted(.iso8601)
            let laterDay = Int64(later.dropFirst(8).prefix(2)) ?? 1
            return Period(
                name: String(text.prefix(7)),
                end: Timestamp(milliseconds: first + (32 - laterDay + 1) * 86_400_000))
        }
    }

    private static func next(_ now: Timestamp, _ length: Int64) -> Timestamp {
        Timestamp(milliseconds: (now.milliseconds / length + 1) * length)
    }
}
