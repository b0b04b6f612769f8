/// A stretch of time whose figures are read from rows of one length.
struct AnalyticsTile: Equatable {
    var level: AnalyticsLevel
    /// Seconds since 1970.
    var start: Int64
    var end: Int64
}

/// Covers stretches of time with as few rows as can be: whole days in the middle, then hours, and minutes at the edges.
struct AnalyticsTiles {
    /// Of what was before this time only hours and days are kept. On the hour.
    let minutesSince: Int64
    /// In order, without overlap. Neighbours of one length are joined.
    private(set) var tiles: [AnalyticsTile] = []

    init(minutesSince: Int64) { self.minutesSince = minutesSince }

    /// Where rising edges really are: on the minute, or, where no minutes are kept, on the hour. Hours are told as a whole, so that
    /// the last edge is where its hour ends, and stretches of which nothing is left are left out.
    func edges(_ asked: [Int64]) -> [Int64] {
        guard let last = asked.last else { return [] }
        let level = { (second: Int64) in second < minutesSince ? AnalyticsLevel.hour : .minute }
        var edges: [Int64] = []
        for second in asked.dropLast() {
            let edge = level(second).start(of: second)
            if edges.last != edge { edges.append(edge) }
        }
        let end = level(last).start(of: last + level(last).rawValue - 1)
        return edges + (edges.last == end ? [] : [end])
    }

    /// Covers a stretch that begins where the last one ended, or later. Its ends must be edges.
    mutating func cover(_ start: Int64, _ end: Int64, with level: AnalyticsLevel = .day) {
        guard start < end else { return }
        guard let finer = level.finer else { return append(AnalyticsTile(level: level, start: start, end: end)) }
        let first = level.start(of: start + level.rawValue - 1)
        let last = level.start(of: end)
        guard first < last else { return cover(start, end, with: finer) }
        cover(start, first, with: finer)
        append(AnalyticsTile(level: level, start: first, end: last))
        cover(last, end, with: finer)
    }

    private mutating func append(_ tile: AnalyticsTile) {
        if let last = tiles.last, last.level == tile.level, last.end == tile.start {
            tiles[tiles.count - 1].end = tile.end
        } else {
            tiles.append(tile)
        }
    }
}

extension AnalyticsLevel {
    fileprivate var finer: AnalyticsLevel? {
        switch self {
        case .day: .hour
        case .hour: .minute
        case .minute: nil
        }
    }
}
