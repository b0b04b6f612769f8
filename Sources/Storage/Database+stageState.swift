import Foundation
import GRDB
package import MiddlewareKit

extension Database: StageStateStore {
    package func add(_ amount: Int64, to counter: StageCounter, expires: Timestamp) async throws -> Int64 {
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        return try await write { db in
            let values: StatementArguments = [counter.stage, counter.key, amount, expires.milliseconds, now]
            let row = try Row.fetchOne(
                db.cachedStatement(
                    sql: """
                        INSERT INTO stage_state (stage, key, value, expires_at) VALUES (?1, ?2, ?3, ?4)
                        ON CONFLICT (stage, key) DO UPDATE SET
                            value = CASE WHEN expires_at <= ?5 THEN 0 ELSE value END + excluded.value,
                            expires_at = excluded.expires_at
                        RETURNING value
                        """), arguments: values)
            // A few at a time, so that no call pays for all that has piled up.
            try db.cachedStatement(
                sql: """
                    DELETE FROM stage_state WHERE (stage, key) IN
                        (SELECT stage, key FROM stage_state WHERE expires_at <= ? LIMIT 10)
                    """
            ).execute(arguments: [now])
            return row?[0] ?? amount
        }
    }

    package func value(of counter: StageCounter) async throws -> Int64 {
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        return try await read { db in
            try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT value FROM stage_state WHERE stage = ? AND key = ? AND expires_at > ?"),
                arguments: [counter.stage, counter.key, now]) ?? 0
        }
    }
}
