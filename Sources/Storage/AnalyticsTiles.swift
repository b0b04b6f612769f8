/// A stretch of time whose figures are read from rows of one length.
struct AnalyticsTile: Equatable {
    var level: AnalyticsLevel
    /// Seconds since 1970.
    var start: Int64
    var end: Int64
}

/// Covers stretches of time with as few rows as can be: whole days in the middle, then hours, and minutes at the edges.
struct AnalyticsTiles {
    /// Before this time only hours and days are kept. On the hour.
    let minutesSince: Int64
    /// In order, without overlap. Neighbours of one length are joined.
    private(set) var tiles: [AnalyticsTile] = []

    init(minutesSince: Int64) { self.minutesSince = minutesSince }

    /// Where an edge really is: on the minute, or, where no minutes are kept, on the hour.
    func edge(_ second: Int64) -> Int64 {
        (second < minutesSince ? AnalyticsLevel.hour : .minute).start(of: second)
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
