import GRDB
package import MiddlewareKit

extension Database: DeliveryStore {
    package func store(_ rows: [OutboxRow]) async throws {
        _ = try await writer.store(nil, rows: rows, now: now())
    }

    package func enqueue(_ rows: [OutboxRow], onFailure: @escaping @Sendable (StorageFailure) -> Void) {
        writer.enqueue(rows, now: now(), onFailure: onFailure)
    }

    package func webhookChanges() -> AsyncStream<Void> { changes.listen() }

    package func unplannedEvents(stage: String, limit: Int) async throws -> [OutboxEvent] {
        try await read { db in
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT id, topic, payload, created_at FROM outbox
                        WHERE id > coalesce((SELECT outbox_id FROM webhook_cursors WHERE stage = :stage), 0)
                            AND stage = :stage
                        ORDER BY id LIMIT :limit
                        """), arguments: ["stage": stage, "limit": limit])
            return rows.map { row in
                OutboxEvent(
                    id: row["id"], topic: row["topic"], payload: row["payload"], createdAt: row.time("created_at"))
            }
        }
    }

    package func plan(
        _ deliveries: [PlannedDelivery], stage: String, through last: Int64, now: Timestamp
    ) async throws {
        try await write { db in
            for delivery in deliveries {
                try db.cachedStatement(
                    sql: """
                        INSERT INTO webhook_deliveries
                        (outbox_id, stage, endpoint, event_id, lane, attempts, due_at, created_at, state)
                        VALUES (?, ?, ?, ?, ?, 0, ?, ?, CASE WHEN EXISTS (
                            SELECT 1 FROM webhook_deliveries
                            WHERE stage = ? AND endpoint = ? AND lane = ? AND state IN ('waiting', 'scheduled')
                        ) THEN 'waiting' ELSE 'scheduled' END)
                        """
                ).execute(arguments: [
                    delivery.event.id, stage, delivery.endpoint, delivery.eventID, delivery.lane,
                    delivery.dueAt.milliseconds, now.milliseconds, stage, delivery.endpoint, delivery.lane,
                ])
            }
            try db.cachedStatement(
                sql: """
                    DELETE FROM outbox WHERE stage = :stage AND id <= :last
                        AND id > coalesce((SELECT outbox_id FROM webhook_cursors WHERE stage = :stage), 0)
                        AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE outbox_id = outbox.id)
                    """
            ).execute(arguments: ["stage": stage, "last": last])
            try db.cachedStatement(
                sql: """
                    INSERT INTO webhook_cursors (stage, outbox_id) VALUES (?, ?)
                    ON CONFLICT DO UPDATE SET outbox_id = excluded.outbox_id
                    """
            ).execute(arguments: [stage, last])
        }
    }

    package func dueDeliveries(
        stage: String, endpoint: String, now: Timestamp, limit: Int
    ) async throws -> [[DueDelivery]] {
        try await read { db in
            let heads = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT d.id, d.event_id, d.attempts, \(Schema.wholePayload) AS payload, d.lane
                        FROM webhook_deliveries d JOIN outbox ON outbox.id = d.outbox_id
                        WHERE d.stage = ? AND d.endpoint = ? AND d.state = 'scheduled' AND d.due_at <= ?
                        ORDER BY d.due_at, d.id LIMIT ?
                        """), arguments: [stage, endpoint, now.milliseconds, limit])
            var (lanes, room): ([[DueDelivery]], Int) = ([], Self.dueBytes)
            while room > 0, let head = try heads.next() {
                var lane = [DueDelivery(row: head)]
                room -= lane[0].payload.utf8.count
                if let name: String = head["lane"] {
                    let followers = try Row.fetchCursor(
                        db.cachedStatement(
                            sql: """
                                SELECT d.id, d.event_id, d.attempts, \(Schema.wholePayload) AS payload
                                FROM webhook_deliveries d JOIN outbox ON outbox.id = d.outbox_id
                                WHERE d.stage = ? AND d.endpoint = ? AND d.lane = ?
                                    AND d.state IN ('waiting', 'scheduled') AND d.state = 'waiting'
                                ORDER BY d.id LIMIT 31
                                """), arguments: [stage, endpoint, name])
                    while room > 0, let row = try followers.next() {
                        let delivery = DueDelivery(row: row)
                        room -= delivery.payload.utf8.count
                        lane.append(delivery)
                    }
                }
                lanes.append(lane)
            }
            return lanes
        }
    }

    /// What is read at a time of due deliveries, which wait in memory until they are sent.
    private static let dueBytes = 1 << 20

    package func record(_ attempts: [DeliveryAttempt], stage: String, now: Timestamp) async throws {
        try await write { db in
            for attempt in attempts { try Self.record(attempt, stage: stage, now: now, db) }
        }
    }

    private static func record(
        _ attempt: DeliveryAttempt, stage: String, now: Timestamp, _ db: GRDB.Database
    ) throws {
        let state: DeliveryState
        var dueAt = attempt.at
        switch attempt.verdict {
        case .delivered: state = .delivered
        case .dead: state = .dead
        case .retry(let time):
            state = .scheduled
            dueAt = time
        }
        try db.cachedStatement(
            sql: """
                UPDATE webhook_deliveries
                SET state = ?, attempts = attempts + 1, due_at = ?, finished_at = ?, status = ?, error = ?
                WHERE id = ? AND state = 'scheduled'
                """
        ).execute(arguments: [
            state.rawValue, dueAt.milliseconds, state == .scheduled ? nil : now.milliseconds, attempt.status,
            attempt.error, attempt.delivery,
        ])
        // It may have been given up meanwhile.
        guard db.changesCount == 1 else { return }
        try db.cachedStatement(
            sql: """
                INSERT INTO webhook_attempts (delivery_id, at, duration_ms, status, error, answer)
                VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            attempt.delivery, attempt.at.milliseconds, attempt.duration.wholeMilliseconds, attempt.status,
            attempt.error, attempt.answer,
        ])
        if state != .scheduled { try releaseLane(of: attempt.delivery, now: now, db) }
    }

    /// The next one of the lane may go.
    private static func releaseLane(of delivery: Int64, now: Timestamp, _ db: GRDB.Database) throws {
        try db.cachedStatement(
            sql: """
                UPDATE webhook_deliveries SET state = 'scheduled', due_at = max(due_at, ?) WHERE id = (
                    SELECT min(next.id) FROM webhook_deliveries done
                    JOIN webhook_deliveries next
                        ON next.stage = done.stage AND next.endpoint = done.endpoint AND next.lane = done.lane
                    WHERE done.id = ? AND next.state IN ('waiting', 'scheduled')
                ) AND state = 'waiting'
                """
        ).execute(arguments: [now.milliseconds, delivery])
    }

    package func shiftSchedule(stage: String, by change: Duration) async throws {
        try await write { db in
            try db.execute(
                sql: "UPDATE webhook_deliveries SET due_at = due_at + ? WHERE stage = ? AND state = 'scheduled'",
                arguments: [change.wholeMilliseconds, stage])
        }
    }

    package func hastenDeliveries(stage: String, now: Timestamp) async throws {
        try await write { db in try Self.hasten(stage, endpoint: nil, now: now, db) }
    }

    /// - Parameter endpoint: Nil: all of the stage.
    static func hasten(_ stage: String, endpoint: String?, now: Timestamp, _ db: GRDB.Database) throws {
        try db.execute(
            sql: """
                UPDATE webhook_deliveries SET due_at = :now, attempts = 0
                WHERE stage = :stage AND endpoint = coalesce(:endpoint, endpoint) AND state = 'scheduled' AND due_at > :now
                """, arguments: ["now": now.milliseconds, "stage": stage, "endpoint": endpoint])
    }

    package func abandonDeliveries(stage: String, endpoint: String, error: String, now: Timestamp) async throws {
        try await write { db in try Self.abandon(stage, endpoint, error, now: now, db) }
    }

    static func abandon(
        _ stage: String, _ endpoint: String, _ error: String, before: Int64 = .max, now: Timestamp, _ db: GRDB.Database
    ) throws {
        try db.execute(
            sql: """
                UPDATE webhook_deliveries SET state = 'dead', finished_at = ?, error = ?
                WHERE stage = ? AND endpoint = ? AND state IN ('waiting', 'scheduled') AND created_at < ?
                """, arguments: [now.milliseconds, error, stage, endpoint, before])
    }

    package func cleanDeliveries(
        stage: String, endpoints: [String], deliveredBefore: Timestamp, deadBefore: Timestamp, now: Timestamp
    ) async throws {
        try await write { db in
            let left = try String.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT endpoint FROM webhook_deliveries
                    WHERE stage = ? AND state IN ('waiting', 'scheduled')
                    """, arguments: [stage])
            for endpoint in left where !endpoints.contains(endpoint) {
                let words = "the endpoint is no longer configured"
                try Self.abandon(stage, endpoint, words, before: deadBefore.milliseconds, now: now, db)
            }
            for (state, before) in [("delivered", deliveredBefore), ("dead", deadBefore)] {
                try db.execute(
                    sql: "DELETE FROM webhook_deliveries WHERE stage = ? AND state = ? AND finished_at < ?",
                    arguments: [stage, state, before.milliseconds])
            }
            // A lane whose scheduled delivery was given up goes on with the next one.
            try db.execute(
                sql: """
                    UPDATE webhook_deliveries SET state = 'scheduled' WHERE id IN (
                        SELECT min(id) FROM webhook_deliveries
                        WHERE stage = ? AND lane IS NOT NULL AND state IN ('waiting', 'scheduled')
                        GROUP BY endpoint, lane HAVING sum(state = 'scheduled') = 0
                    )
                    """, arguments: [stage])
            try db.execute(
                sql: """
                    DELETE FROM outbox WHERE stage = :stage
                        AND id <= (SELECT outbox_id FROM webhook_cursors WHERE stage = :stage)
                        AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE outbox_id = outbox.id)
                    """, arguments: ["stage": stage])
        }
    }

    package func strandedDeliveries(
        stages: [String], before: Timestamp
    ) async throws -> [(stage: String, count: Int)] {
        try await write { db in
            let left = try String.fetchAll(
                db, sql: "SELECT stage FROM outbox UNION SELECT stage FROM webhook_deliveries ORDER BY 1"
            ).filter { !stages.contains($0) }
            return try left.compactMap { stage in
                try db.execute(
                    sql: "DELETE FROM webhook_deliveries WHERE stage = ? AND created_at < ?",
                    arguments: [stage, before.milliseconds])
                try db.execute(
                    sql: """
                        DELETE FROM outbox WHERE stage = ? AND created_at < ?
                            AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE outbox_id = outbox.id)
                        """, arguments: [stage, before.milliseconds])
                let count = try Int.fetchOne(
                    db,
                    sql: """
                        SELECT (SELECT count(*) FROM webhook_deliveries
                                WHERE stage = :stage AND state IN ('waiting', 'scheduled'))
                            + (SELECT count(*) FROM outbox WHERE stage = :stage AND id > coalesce(
                                (SELECT outbox_id FROM webhook_cursors WHERE stage = :stage), 0))
                        """, arguments: ["stage": stage])
                return count.flatMap { $0 > 0 ? (stage: stage, count: $0) : nil }
            }
        }
    }
}

extension DueDelivery {
    fileprivate init(row: Row) {
        self.init(id: row["id"], eventID: row["event_id"], payload: row["payload"], attempts: row["attempts"])
    }
}

extension Row {
    func time(_ column: String) -> Timestamp { Timestamp(milliseconds: self[column]) }
}
