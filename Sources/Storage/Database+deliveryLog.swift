import Foundation
import GRDB
package import MiddlewareKit

/// What people look at, and what they may do about it.
extension Database {
    package func deliveries(_ filter: DeliveryFilter) async throws -> [StoredDelivery] {
        try await read { db in
            var conditions = ["d.id < ?"]
            var arguments: StatementArguments = [filter.before ?? .max]
            let equals = [
                ("d.endpoint", filter.endpoint), ("d.state", filter.state?.rawValue), ("o.topic", filter.type),
            ]
            for (column, value) in equals {
                guard let value else { continue }
                conditions.append("\(column) = ?")
                arguments += [value]
            }
            return try Row.fetchAll(
                db,
                sql: """
                    SELECT d.*, o.topic FROM webhook_deliveries d JOIN outbox o ON o.id = d.outbox_id
                    WHERE \(conditions.joined(separator: " AND ")) ORDER BY d.id DESC LIMIT ?
                    """, arguments: arguments + [filter.limit]
            ).map(StoredDelivery.init)
        }
    }

    package func delivery(
        id: Int64
    ) async throws -> (delivery: StoredDelivery, payload: String, attempts: [StoredAttempt])? {
        try await read { db in
            guard
                let row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT d.*, outbox.topic, \(Schema.wholePayload) AS payload
                        FROM webhook_deliveries d JOIN outbox ON outbox.id = d.outbox_id WHERE d.id = ?
                        """, arguments: [id])
            else { return nil }
            let attempts = try Row.fetchAll(
                db, sql: "SELECT * FROM webhook_attempts WHERE delivery_id = ? ORDER BY id", arguments: [id]
            ).map { row in
                StoredAttempt(
                    at: row.time("at"), duration: .milliseconds(row["duration_ms"] as Int64), status: row["status"],
                    error: row["error"], answer: row["answer"])
            }
            return (StoredDelivery(row: row), row["payload"], attempts)
        }
    }

    package func deliveryCounts(stage: String) async throws -> [DeliveryCounts] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT endpoint, sum(d.state <> 'dead') AS open, sum(d.state = 'dead') AS dead,
                        min(CASE WHEN d.state <> 'dead' THEN o.created_at END) AS oldest
                    FROM webhook_deliveries d JOIN outbox o ON o.id = d.outbox_id
                    WHERE d.stage = ? AND d.state IN ('waiting', 'scheduled', 'dead')
                    GROUP BY endpoint ORDER BY endpoint
                    """, arguments: [stage]
            ).map { row in
                let oldest: Int64? = row["oldest"]
                return DeliveryCounts(
                    endpoint: row["endpoint"], open: row["open"], dead: row["dead"],
                    oldestOpen: oldest.map { Timestamp(milliseconds: $0) })
            }
        }
    }

    package func replay(id: Int64, now: Timestamp) async throws -> Bool {
        let isFound = try await write { db in
            try db.execute(
                sql:
                    "UPDATE webhook_deliveries SET due_at = min(due_at, ?), attempts = 0 WHERE id = ? AND state = 'scheduled'",
                arguments: [now.milliseconds, id])
            let isScheduled = db.changesCount == 1
            guard try isScheduled || Self.replay("id = ?", [id], ["delivered", "dead"], now: now, db) == 1 else {
                return false
            }
            // Whoever wants it tried now does not want to wait for the end of a pause.
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO meta (key, value)
                    SELECT 'webhook-enabled/' || stage || '/' || endpoint, ? FROM webhook_deliveries WHERE id = ?
                    """, arguments: ["\(now.milliseconds)", id])
            return true
        }
        noteEndpointChange()
        return isFound
    }

    package func failsAgainAndAgain(stage: String, endpoint: String, attempts: Int) async throws -> Bool {
        try await read { db in
            // What was before somebody enabled it does not count any more.
            let failures = try Bool.fetchAll(
                db,
                sql: """
                    SELECT a.error IS NOT NULL FROM webhook_attempts a JOIN webhook_deliveries d ON d.id = a.delivery_id
                    WHERE d.stage = ? AND d.endpoint = ?
                        AND a.at > coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?), 0)
                    ORDER BY a.id DESC LIMIT ?
                    """, arguments: [stage, endpoint, Self.enabledKey(stage: stage) + endpoint, attempts])
            return failures.count == attempts && failures.allSatisfy(\.self)
        }
    }

    package func replayDead(since: Timestamp, stage: String, endpoint: String, now: Timestamp) async throws -> Int {
        let count = try await write { db in
            try Self.replay(
                """
                finished_at >= :since AND stage = :stage AND endpoint = :endpoint AND created_at >= coalesce(
                    (SELECT created_at FROM webhook_endpoints WHERE stage = :stage AND name = :endpoint), 0)
                """, ["since": since.milliseconds, "stage": stage, "endpoint": endpoint], ["dead"], now: now, db)
        }
        changes.fire()
        return count
    }

    /// Those of one lane go one after the other again: the oldest is scheduled, unless one of the lane is under way.
    private static func replay(
        _ condition: String, _ arguments: StatementArguments, _ states: [String], now: Timestamp, _ db: GRDB.Database
    ) throws -> Int {
        let ids = try Int64.fetchAll(
            db,
            sql: """
                SELECT id FROM webhook_deliveries
                WHERE \(condition) AND state IN (\(states.map { "'\($0)'" }.joined(separator: ", "))) ORDER BY id
                """, arguments: arguments)
        for id in ids {
            try db.cachedStatement(
                sql: """
                    UPDATE webhook_deliveries AS d
                    SET attempts = 0, due_at = ?, finished_at = NULL, state = CASE WHEN EXISTS (
                        SELECT 1 FROM webhook_deliveries other
                        WHERE other.stage = d.stage AND other.endpoint = d.endpoint AND other.lane = d.lane
                            AND other.state IN ('waiting', 'scheduled')
                    ) THEN 'waiting' ELSE 'scheduled' END
                    WHERE id = ?
                    """
            ).execute(arguments: [now.milliseconds, id])
        }
        return ids.count
    }
}

extension StoredDelivery {
    fileprivate init(row: Row) {
        let (state, finishedAt): (String, Int64?) = (row["state"], row["finished_at"])
        self.init(
            id: row["id"], stage: row["stage"], endpoint: row["endpoint"], eventID: row["event_id"],
            type: row["topic"], state: DeliveryState(rawValue: state) ?? .dead, attempts: row["attempts"],
            createdAt: row.time("created_at"), dueAt: row.time("due_at"),
            finishedAt: finishedAt.map { Timestamp(milliseconds: $0) }, status: row["status"], error: row["error"])
    }
}
