import Analytics
import Foundation
import Hummingbird
import MiddlewareKit

/// The parameters of a question about figures.
struct AnalyticsRequest {
    /// What `top` sorts by.
    enum Order: String, CaseIterable {
        case messages, tokens, cost, errors, rejections, sessions, duration
    }

    /// Seconds since 1970, on the minute.
    let from: Int64
    let to: Int64
    let zone: TimeZone
    /// As it was asked for: Foundation knows UTC by another name.
    let zoneName: String
    let step: AnalyticsStep
    let by: AnalyticsQuery.Dimension?
    let filters: [AnalyticsQuery.Dimension: Set<String>]
    let order: Order
    let limit: Int
    let isCSV: Bool

    /// - Parameters:
    ///   - also: The parameters that not all calls have.
    ///   - now: Seconds since 1970.
    /// - Throws: ``Rejection`` that says what is wrong with which parameter.
    init(_ request: Request, also: [String], now: Int64) throws {
        let parameters = request.uri.queryParameters
        let dimensions = AnalyticsQuery.Dimension.allCases.map(\.rawValue)
        let known = ["from", "to", "tz", "by", "format"] + also + dimensions
        if let unknown = parameters.first(where: { !known.contains(String($0.key)) }).map({ String($0.key) }) {
            let list = known.joined(separator: ", ")
            throw Rejection.badRequest("There is no parameter `\(unknown.prefix(40))` here. Known are \(list).")
        }
        for name in known where !dimensions.contains(name) && parameters.getAll(name).count > 1 {
            throw Rejection.badRequest("`\(name)` must be given once.")
        }
        let text = { (name: String) in parameters[name[...]].map(String.init) }
        zoneName = text("tz") ?? "UTC"
        guard let zone = TimeZone(identifier: zoneName) else {
            throw Rejection.badRequest("`tz` must be the name of a time zone, such as Europe/Berlin.")
        }
        self.zone = zone
        to = try Self.time(text("to") ?? "now", "to", now, zone, roundedUp: true)
        from = try Self.time(text("from") ?? "-24h", "from", now, zone, roundedUp: false)
        guard from < to else { throw Rejection.badRequest("`from` must be before `to`.") }
        step = try Self.word(text("step"), "step", or: Self.step(for: to - from))
        by = try text("by").map { try Self.word($0, "by", or: .agent) }
        order = try Self.word(text("order"), "order", or: .messages)
        limit = try Self.limit(text("limit"))
        var filters: [AnalyticsQuery.Dimension: Set<String>] = [:]
        for dimension in AnalyticsQuery.Dimension.allCases {
            let wanted = parameters.getAll(dimension.rawValue)
            if !wanted.isEmpty { filters[dimension] = Set(wanted.map { String($0) }) }
        }
        self.filters = filters
        isCSV = try Self.isCSV(text("format"), accept: request.headers[.accept])
    }

    /// The edges of all stretches of the time series.
    func edges() throws -> [Int64] {
        guard let edges = step.edges(from: from, to: to, in: zone) else {
            let words = step == .month ? "less time" : "a longer `step` or less time"
            throw Rejection.badRequest(
                "There would be more than \(AnalyticsStep.maxStretches) stretches; ask for \(words).")
        }
        return edges
    }

    // MARK: Reading

    /// A step that gives a few dozen to a few hundred stretches.
    private static func step(for seconds: Int64) -> AnalyticsStep {
        switch seconds {
        case ...7200: .minute
        case ...172_800: .quarter
        case ...1_209_600: .hour
        case ...15_552_000: .day
        case ...315_360_000: .week
        default: .month
        }
    }

    private static func word<Word: RawRepresentable & CaseIterable>(
        _ text: String?, _ name: String, or standard: Word
    ) throws -> Word where Word.RawValue == String {
        guard let text else { return standard }
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw Rejection.badRequest("`\(name)` must be one of \(words).")
        }
        return word
    }

    private static func limit(_ text: String?) throws -> Int {
        guard let text else { return 10 }
        guard let limit = Int(text), (1...1000).contains(limit) else {
            throw Rejection.badRequest("`limit` must be between 1 and 1000.")
        }
        return limit
    }

    private static func isCSV(_ format: String?, accept: String?) throws -> Bool {
        switch format {
        case "csv": true
        case "json": false
        case nil: AcceptedTypes(accept).prefers("text/csv", to: "application/json")
        default: throw Rejection.badRequest("`format` must be json or csv.")
        }
    }

    /// `now`, `-24h`, milliseconds since 1970, ISO 8601 with a time zone, or a date or time of the zone that was asked for.
    private static func time(
        _ text: String, _ name: String, _ now: Int64, _ zone: TimeZone, roundedUp: Bool
    ) throws -> Int64 {
        let read = relative(text, now) ?? milliseconds(text) ?? absolute(text, zone)
        guard let second = read, isPossible(second, zone) else {
            throw Rejection.badRequest(problem(with: text, name, zone, isRead: read != nil))
        }
        let minute = Timestamp(milliseconds: second * 1000).minute
        return roundedUp && minute < second ? minute + 60 : minute
    }

    /// In the years 1970 to 2999 of the zone. Before them nothing can have happened here, and in the first centuries calendars do
    /// not agree on the days.
    private static func isPossible(_ second: Int64, _ zone: TimeZone) -> Bool {
        let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
        return (0..<32_503_680_000).contains(second + Int64(offset))
    }

    /// - Parameter isRead: It is a time, but not one of the years that are possible.
    private static func problem(with text: String, _ name: String, _ zone: TimeZone, isRead: Bool) -> String {
        if !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) {
            return "`\(name)`: a number is milliseconds since 1970, and has 9 to 13 digits. "
                + "For a long time ago, write a date such as 2026-01-31, or -400d."
        }
        guard !isRead else { return "`\(name)`: the years from 1970 to 2999 are possible." }
        guard absolute(text, .gmt) == nil else {
            return "`\(name)`: there is no such time in \(zone.identifier), where the clocks are put forward over it. "
                + "Name one an hour later, or write it in UTC with a Z at its end."
        }
        return "`\(name)` must be a time such as now, -24h, 2026-01-31, 2026-01-31T08:00 or 2026-01-31T08:00:00Z."
    }

    private static func relative(_ text: String, _ now: Int64) -> Int64? {
        if text == "now" { return now }
        let units: [Character: Int64] = ["m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        guard text.hasPrefix("-"), text.count <= 8, let unit = text.last.flatMap({ units[$0] }),
            let count = Int64(text.dropFirst().dropLast()), count >= 0
        else { return nil }
        return now - count * unit
    }

    private static func milliseconds(_ text: String) -> Int64? {
        text.count >= 9 ? Int64(text).map { $0 / 1000 } : nil
    }

    private static func absolute(_ text: String, _ zone: TimeZone) -> Int64? {
        // A `+` that was not percent-encoded arrives as a space.
        var text = text.replacing(" ", with: "+")
        guard text.beginsWithRealDay else { return nil }
        // The styles below want seconds.
        let zoneStart = text.lastIndex { "Z+-".contains($0) }
        if let zoneStart, text[..<zoneStart].utf8.count == "2026-01-31T08:00".utf8.count {
            text.insert(contentsOf: ":00", at: zoneStart)
        }
        for style in [Date.ISO8601FormatStyle(), Date.ISO8601FormatStyle(includingFractionalSeconds: true)] {
            if let date = try? style.parse(text) { return Int64(date.timeIntervalSince1970) }
        }
        let numbers = text.split { "-T:".contains($0) }.map { Int($0) }
        guard (3...6).contains(numbers.count), !numbers.contains(nil), text.first != "-" else { return nil }
        // A day begins when it does, which is not midnight where clocks are put forward then.
        let isDay = numbers.count == 3
        let parts = numbers.compactMap(\.self) + (isDay ? [12, 0, 0] : [0, 0])
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = zone
        let components = DateComponents(
            year: parts[0], month: parts[1], day: parts[2], hour: parts[3], minute: parts[4], second: parts[5])
        guard components.isValidDate(in: calendar), let date = calendar.date(from: components) else { return nil }
        return Int64((isDay ? calendar.startOfDay(for: date) : date).timeIntervalSince1970)
    }
}
