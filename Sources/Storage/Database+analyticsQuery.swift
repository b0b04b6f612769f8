package import Analytics
import GRDB
import MiddlewareKit

extension Storage.Database {
    /// The figures of each stretch of time and each value.
    ///
    /// - Parameter now: Seconds since 1970. Nothing lies behind it, so a stretch that reaches it is read to the end of the day.
    package func figures(_ query: AnalyticsQuery, now: Int64) async throws -> AnalyticsAnswer {
        try await read { db in try Self.figures(query, now: now, db) }
    }

    private static func figures(_ query: AnalyticsQuery, now: Int64, _ db: GRDB.Database) throws -> AnalyticsAnswer {
        let scope = AnalyticsScope(for: query)
        let values = try values(of: query, scope, db)
        var tiles = AnalyticsTiles(minutesSince: try minutesSince(db))
        let covered = tiles.edges(query.edges)
        var edges = covered
        if let last = query.edges.last, last >= now {
            edges[edges.count - 1] = AnalyticsLevel.day.start(of: last) + AnalyticsLevel.day.rawValue
        }
        for (start, end) in zip(edges, edges.dropFirst()) { tiles.cover(start, end) }

        var sums = Sums(count: max(0, edges.count - 1), values: values.names)
        for tile in tiles.tiles {
            let statement = try db.cachedStatement(
                sql: """
                    SELECT start, key, figures FROM analytics
                    WHERE level = ? AND scope = ? AND start >= ? AND start < ?
                    """)
            statement.arguments = [tile.level.rawValue, scope.rawValue, tile.start, tile.end]
            let rows = StatementRows(statement.sqliteStatement)
            defer { rows.end() }
            var stretch = 0
            while try rows.next() {
                let start = rows.integer(0)
                guard let value = values.places[rows.integer(1)] else { continue }
                // Rows come in order of time.
                while stretch + 1 < edges.count - 1, start >= edges[stretch + 1] { stretch += 1 }
                do {
                    try sums.add(rows.bytes(2), stretch: stretch, value: value)
                } catch {
                    throw StorageFailure(reason: .damaged, description: "stored figures cannot be read")
                }
            }
        }
        return AnalyticsAnswer(edges: covered, groups: sums.groups)
    }

    /// When the last hour ended whose minutes are gone.
    private static func minutesSince(_ db: GRDB.Database) throws -> Int64 {
        let firstMinute = try Int64.fetchOne(
            db, sql: "SELECT min(start) FROM analytics WHERE level = ? AND scope = 1",
            arguments: [AnalyticsLevel.minute.rawValue])
        let lastHour = try Int64.fetchOne(
            db, sql: "SELECT max(start) FROM analytics WHERE level = ? AND scope = 1 AND start < ?",
            arguments: [AnalyticsLevel.hour.rawValue, firstMinute.map(AnalyticsLevel.hour.start) ?? .max])
        return lastHour.map { $0 + AnalyticsLevel.hour.rawValue } ?? .min
    }

    /// The values of the dimension that the query keeps apart, and for each key that it asks for the place of its value.
    private static func values(
        of query: AnalyticsQuery, _ scope: AnalyticsScope, _ db: GRDB.Database
    ) throws -> (names: [String?], places: [Int64: Int]) {
        var names: [String?] = []
        var known: [String?: Int] = [:]
        var places: [Int64: Int] = [:]
        let rows = try Row.fetchCursor(
            db, sql: "SELECT id, gateway, agent, model, user FROM analytics_keys WHERE scope = ?",
            arguments: [scope.rawValue])
        while let row = try rows.next() {
            let texts: [String] = [row[1], row[2], row[3], row[4]]
            let told = texts.map { $0.isEmpty ? nil : $0 }
            let key = AnalyticsKey(
                gateway: texts[0], agent: told[1], model: told[2], user: told[3])
            let isAskedFor = query.filters.allSatisfy { dimension, wanted in
                key[dimension].map(wanted.contains) ?? false
            }
            guard isAskedFor else { continue }
            let name = query.by.flatMap { key[$0] }
            let place = known[name] ?? names.count
            if place == names.count {
                names.append(name)
                known[name] = place
            }
            places[row[0]] = place
        }
        return (names, places)
    }
}

/// Sums of figures for each stretch of time and each value.
private struct Sums {
    private let count: Int
    private let values: [String?]
    /// For each stretch and value in turn, where its sum is.
    private var places: [Int?]
    private var sums: [AnalyticsFigures] = []

    init(count: Int, values: [String?]) {
        self.count = count
        self.values = values
        places = Array(repeating: nil, count: count * values.count)
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer, stretch: Int, value: Int) throws {
        let cell = stretch * values.count + value
        let place = places[cell] ?? sums.count
        if place == sums.count {
            sums.append(AnalyticsFigures())
            places[cell] = place
        }
        try sums[place].add(bytes: bytes)
    }

    var groups: [AnalyticsGroup] {
        places.enumerated().compactMap { cell, place in
            place.map {
                AnalyticsGroup(stretch: cell / values.count, value: values[cell % values.count], figures: sums[$0])
            }
        }
    }
}
