extension Timestamp {
    /// ISO 8601 in UTC with milliseconds, such as `2026-02-03T04:05:06.789Z`.
    ///
    /// Not by Foundation: it counts in floating point, and every second time comes out a millisecond early.
    package var iso8601: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity("2026-02-03T04:05:06.789Z".utf8.count)
        bytes.append(iso8601: self)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The years that have four digits.
    fileprivate static let writable: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999

    /// The date in the Gregorian calendar. Years begin in March here, so that the leap day is the last of its year, and
    /// repeat after an era of 400 years (Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days).
    fileprivate static func civil(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = (days + 719_468).quotientAndRemainder(flooringBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension [UInt8] {
    /// Appends the text of ``Timestamp/iso8601``. A time before the year 0 or after 9999 is written as the nearest one.
    fileprivate mutating func append(iso8601 timestamp: Timestamp) {
        let range = Timestamp.writable
        let milliseconds = Swift.min(Swift.max(timestamp.milliseconds, range.lowerBound), range.upperBound)
        let (days, time) = milliseconds.quotientAndRemainder(flooringBy: 86_400_000)
        let (year, month, day) = Timestamp.civil(daysSince1970: days)
        appendDigits(year, from: 1000, then: "-")
        appendDigits(month, from: 10, then: "-")
        appendDigits(day, from: 10, then: "T")
        appendDigits(time / 3_600_000, from: 10, then: ":")
        appendDigits(time / 60_000 % 60, from: 10, then: ":")
        appendDigits(time / 1000 % 60, from: 10, then: ".")
        appendDigits(time % 1000, from: 100, then: "Z")
    }

    /// Appends a number from the digit that counts `place` down, with its leading zeros.
    private mutating func appendDigits(_ number: Int64, from place: Int64, then end: Unicode.Scalar) {
        var place = place
        while place > 0 {
            append(UInt8(ascii: "0") + UInt8(number / place % 10))
            place /= 10
        }
        append(UInt8(ascii: end))
    }
}

extension Int64 {
    fileprivate func quotientAndRemainder(flooringBy divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
