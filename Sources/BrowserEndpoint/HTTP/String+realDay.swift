import Foundation

extension String {
    /// Whether the day with which a time in ISO 8601 begins is one of the calendar: Foundation takes 30 February for 2 March. True when
    /// no day stands there.
    var beginsWithRealDay: Bool {
        let numbers = prefix(10).split(separator: "-").map { Int($0) }
        guard numbers.count == 3 else { return true }
        return DateComponents(year: numbers[0], month: numbers[1], day: numbers[2])
            .isValidDate(in: Calendar(identifier: .iso8601))
    }
}
