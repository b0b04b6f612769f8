import GRDB
import MiddlewareKit

/// The tables, as numbered steps that are never changed once they were released.
enum Schema {
    static func migrate(_ pool: DatabasePool) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("v1") { db in
            try db.execute(sql: version1)
        }
        migrator.registerMigration("pages by time") { db in
            try db.execute(sql: pagesByTime)
        }
        migrator.registerMigration("deleted sessions") { db in
            try db.execute(sql: deletedSessions)
        }
        migrator.registerMigration("analytics") { db in try db.execute(sql: analytics) }
        migrator.registerMigration("device-tokens") { try $0.execute(sql: deviceTokens) }
        migrator.registerMigration("webhooks") { db in try db.execute(sql: webhooks) }
        migrator.registerMigration("stage-state") { db in try db.execute(sql: stageState) }
        migrator.registerMigration("own-titles") { try $0.execute(sql: ownTitles) }
        migrator.registerMigration("routes") { db in try db.execute(sql: routes) }
        migrator.registerMigration("error-kinds") { try $0.execute(sql: errorKinds) }
        migrator.registerMigration("former-owners") { db in try db.execute(sql: formerOwners) }
        migrator.registerMigration("gateway-options") { try $0.execute(sql: gatewayOptions) }
        migrator.registerMigration("met-answers") { try $0.execute(sql: metAnswers) }
        migrator.registerMigration("outbox-texts") { db in try db.execute(sql: outboxTexts) }
        guard try pool.read({ try !migrator.hasBeenSuperseded($0) }) else {
            throw StorageFailure(
                reason: .other, description: "the database was made by a newer version of Sluice; use that version")
        }
        do {
            try migrator.migrate(pool)
        } catch {
            // Another process may have made the same step since the migrator looked; if so there is nothing left to do.
            try migrator.migrate(pool)
        }
    }

    static func holdsSecrets(_ db: GRDB.Database) throws -> Bool {
        try Bool.fetchOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM gateways WHERE token IS NOT NULL OR password IS NOT NULL)
                    OR EXISTS (SELECT 1 FROM webhook_endpoints)
                """) ?? false
    }

    /// Titles that were given here, and that a gateway's do not replace.
    private static let ownTitles = "ALTER TABLE sessions ADD COLUMN has_own_title INTEGER NOT NULL DEFAULT 0"

    /// Which answers may still be found on the gateway.
    private static let errorKinds = "ALTER TABLE messages ADD COLUMN error_kind TEXT"

    /// A JSON object in the words of an entry of `gateways:` of the configuration file.
    private static let gatewayOptions = "ALTER TABLE gateways ADD COLUMN options TEXT NOT NULL DEFAULT '{}'"

    /// Answers of a gateway's history that went through the stages and were not stored under its name for them: they are stored
    /// already, under another one, or were withheld.
    private static let metAnswers = """
        CREATE TABLE met_answers (
            id INTEGER PRIMARY KEY, session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, run_id TEXT NOT NULL,
            UNIQUE (session_id, run_id)
        )
        """

    /// Times are milliseconds since 1970.
    private static let version1 = """
        CREATE TABLE gateways (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL, token BLOB, password BLOB,
            created_at INTEGER NOT NULL
        );
        CREATE TABLE sessions (
            id INTEGER PRIMARY KEY, gateway_id TEXT NOT NULL, session_key TEXT NOT NULL, title TEXT, agent_id TEXT,
            model TEXT, owner TEXT, created_at INTEGER NOT NULL, last_activity INTEGER NOT NULL,
            UNIQUE (gateway_id, session_key)
        );
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY, session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
            role TEXT NOT NULL, content TEXT NOT NULL, state TEXT NOT NULL, run_id TEXT, error TEXT, usage TEXT,
            agent_id TEXT, timestamp INTEGER NOT NULL, created_at INTEGER NOT NULL
        );
        CREATE INDEX messages_by_page ON messages (session_id, id);
        CREATE UNIQUE INDEX messages_by_run ON messages (session_id, run_id, role) WHERE run_id IS NOT NULL;
        CREATE TABLE outbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT, stage TEXT NOT NULL, topic TEXT NOT NULL, payload TEXT NOT NULL,
            created_at INTEGER NOT NULL
        );
        CREATE TABLE keys (
            id TEXT PRIMARY KEY, user TEXT NOT NULL, is_administrator INTEGER NOT NULL, secret_hash BLOB NOT NULL,
            created_at INTEGER NOT NULL, revoked_at INTEGER
        );
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
        """

    /// What is imported from a gateway's history was said before what is stored already.
    private static let pagesByTime = """
        DROP INDEX messages_by_page;
        CREATE INDEX messages_by_page ON messages (session_id, created_at);
        """

    /// So that what the gateway still has of a deleted session does not come back.
    private static let deletedSessions = """
        CREATE TABLE deleted_sessions (
            gateway_id TEXT NOT NULL, session_key TEXT NOT NULL, deleted_at INTEGER NOT NULL,
            PRIMARY KEY (gateway_id, session_key)
        ) WITHOUT ROWID;
        """
}
