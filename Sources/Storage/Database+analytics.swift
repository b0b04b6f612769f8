package import Analytics
import Foundation
import GRDB
package import MiddlewareKit

/// The lengths of time that figures are kept for, in seconds.
enum AnalyticsLevel: Int64, CaseIterable {
    case minute = 60
    case hour = 3600
    case day = 86_400

    /// When the time of this length began that a second lies in.
    func start(of second: Int64) -> Int64 { second - (second % rawValue + rawValue) % rawValue }
}

/// What is kept apart in a row. Most questions are about few things, and with everything apart there are far too many rows
/// for an answer at once.
enum AnalyticsScope: Int64, CaseIterable {
    case everything = 0
    /// Gateway, agent and model; all users together.
    case allUsers = 1
    /// Gateway and user; all agents and models together.
    case users = 2

    func key(of key: AnalyticsKey) -> AnalyticsKey {
        switch self {
        case .everything: key
        case .allUsers: AnalyticsKey(gateway: key.gateway, agent: key.agent, model: key.model)
        case .users: AnalyticsKey(gateway: key.gateway, user: key.user)
        }
    }

    /// The one with the fewest rows that can answer.
    init(for query: AnalyticsQuery) {
        let asked = Set(query.filters.keys).union(query.by.map { [$0] } ?? [])
        if !asked.contains(.user) {
            self = .allUsers
        } else {
            self = asked.isSubset(of: [.gateway, .user]) ? .users : .everything
        }
    }
}

/// A row of figures.
private struct AnalyticsRow: Hashable {
    let level: AnalyticsLevel
    let start: Int64
    let key: AnalyticsKey
    let scope: AnalyticsScope
}

extension Storage.Database: AnalyticsStore {
    package func add(_ batch: AnalyticsBatch) async throws {
        var rows: [AnalyticsRow: AnalyticsFigures] = [:]
        for (cell, figures) in batch.cells {
            for level in AnalyticsLevel.allCases {
                for scope in AnalyticsScope.allCases {
                    let row = AnalyticsRow(
                        level: level, start: level.start(of: cell.minute), key: scope.key(of: cell.key), scope: scope)
                    rows[row, default: AnalyticsFigures()].add(figures)
                }
            }
        }
        try await write { [rows] db in
            for (row, figures) in rows { try Self.add(figures, to: row, db) }
            let recent = batch.recent.flatMap { name in (0..<8).map { UInt8(truncatingIfNeeded: name >> ($0 * 8)) } }
            try db.execute(
                sql: "INSERT OR REPLACE INTO analytics_progress (id, counted_until, recent) VALUES (1, ?, ?)",
                arguments: [batch.countedUntil.milliseconds, Data(recent)])
        }
    }

    private static func add(_ figures: AnalyticsFigures, to row: AnalyticsRow, _ db: GRDB.Database) throws {
        let key = try keyID(row.key, row.scope, db)
        let place: StatementArguments = [row.level.rawValue, row.scope.rawValue, row.start, key]
        let known = try Data.fetchOne(
            db.cachedStatement(
                sql: "SELECT figures FROM analytics WHERE level = ? AND scope = ? AND start = ? AND key = ?"),
            arguments: place)
        var sum = figures
        // What cannot be read cannot be added to; it is replaced, and counting goes on.
        try? known?.withUnsafeBytes { try sum.add(bytes: $0) }
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO analytics (level, scope, start, key, figures) VALUES (?, ?, ?, ?, ?)"
        ).execute(arguments: place + [Data(sum.bytes)])
    }

    private static func keyID(_ key: AnalyticsKey, _ scope: AnalyticsScope, _ db: GRDB.Database) throws -> Int64 {
        let arguments: StatementArguments = [
            key.gateway, key.agent ?? "", key.model ?? "", key.user ?? "", scope.rawValue,
        ]
        let known = try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT id FROM analytics_keys
                    WHERE gateway = ? AND agent = ? AND model = ? AND user = ? AND scope = ?
                    """), arguments: arguments)
        if let known { return known }
        try db.cachedStatement(
            sql: "INSERT INTO analytics_keys (gateway, agent, model, user, scope) VALUES (?, ?, ?, ?, ?)"
        ).execute(arguments: arguments)
        return db.lastInsertedRowID
    }

    package func prune(minutesBefore: Timestamp, hoursBefore: Timestamp) async throws {
        try await write { db in
            let minute = AnalyticsLevel.hour.start(of: minutesBefore.milliseconds / 1000)
            let hour = AnalyticsLevel.day.start(of: hoursBefore.milliseconds / 1000)
            var deleted = 0
            for (level, end) in [(AnalyticsLevel.minute, minute), (.hour, hour), (.day, hour)] {
                for scope in AnalyticsScope.allCases {
                    try db.execute(
                        sql: "DELETE FROM analytics WHERE level = ? AND scope = ? AND start < ?",
                        arguments: [level.rawValue, scope.rawValue, end])
                    if level == .day { deleted += db.changesCount }
                }
            }
            guard deleted > 0 else { return }
            try db.execute(
                sql: "DELETE FROM analytics_keys WHERE id NOT IN (SELECT key FROM analytics WHERE level = ?)",
                arguments: [AnalyticsLevel.day.rawValue])
        }
    }

    /// Nothing is counted for some time now, so what is stored from here on is not to be made up for later.
    package func forgetAnalyticsProgress() async throws {
        let isKnown = try await read { db in
            try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM analytics_progress)") ?? false
        }
        if isKnown { try await write { db in try db.execute(sql: "DELETE FROM analytics_progress") } }
    }
}
