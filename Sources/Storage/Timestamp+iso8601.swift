package import MiddlewareKit

extension Timestamp {
    /// ISO 8601 in UTC with milliseconds, such as `2026-02-03T04:05:06.789Z`.
    package var iso8601: String {
        let (days, time) = milliseconds.quotientAndRemainder(flooringBy: 86_400_000)
        let (year, month, day) = Self.civil(daysSince1970: days)
        let parts: [(value: Int64, width: Int, before: String)] = [
            (year, 4, ""), (month, 2, "-"), (day, 2, "-"),
            (time / 3_600_000, 2, "T"), (time / 60_000 % 60, 2, ":"), (time / 1000 % 60, 2, ":"), (time % 1000, 3, "."),
        ]
        return parts.map { part in
            let digits = String(part.value)
            return part.before + String(repeating: "0", count: max(0, part.width - digits.count)) + digits
        }.joined() + "Z"
    }

    /// The date in the Gregorian calendar. Years begin in March here, so that the leap day is the last of its year, and
    /// repeat after an era of 400 years (Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days).
    private static func civil(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = (days + 719_468).quotientAndRemainder(flooringBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Int64 {
    fileprivate func quotientAndRemainder(flooringBy divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
