extension Schema {
    /// What the webhook stages deliver. An event is a row of `outbox`; the rows here say where it goes and what became of it.
    ///
    /// Times are milliseconds since 1970. The ids of `outbox` grow in the order of the commits, so a stage keeps in mind up to
    /// which one it has looked at (`webhook_cursors`).
    static let webhooks = """
        CREATE TABLE webhook_deliveries (
            id INTEGER PRIMARY KEY AUTOINCREMENT, outbox_id INTEGER NOT NULL REFERENCES outbox, stage TEXT NOT NULL,
            endpoint TEXT NOT NULL, event_id TEXT NOT NULL, lane TEXT, state TEXT NOT NULL, attempts INTEGER NOT NULL,
            due_at INTEGER NOT NULL, created_at INTEGER NOT NULL, finished_at INTEGER, status INTEGER, error TEXT
        );
        CREATE INDEX webhook_deliveries_due ON webhook_deliveries (stage, endpoint, due_at, id)
            WHERE state = 'scheduled';
        CREATE INDEX webhook_deliveries_open ON webhook_deliveries (stage, endpoint, lane, id)
            WHERE state IN ('waiting', 'scheduled');
        CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (outbox_id);
        CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (stage, state, finished_at);
        CREATE TABLE webhook_attempts (
            id INTEGER PRIMARY KEY, delivery_id INTEGER NOT NULL REFERENCES webhook_deliveries ON DELETE CASCADE,
            at INTEGER NOT NULL, duration_ms INTEGER NOT NULL, status INTEGER, error TEXT, answer TEXT NOT NULL
        );
        CREATE INDEX webhook_attempts_by_delivery ON webhook_attempts (delivery_id, id);
        CREATE TABLE webhook_cursors (stage TEXT PRIMARY KEY, outbox_id INTEGER NOT NULL);
        CREATE TABLE webhook_endpoints (
            stage TEXT NOT NULL, name TEXT NOT NULL, settings BLOB NOT NULL, created_at INTEGER NOT NULL,
            PRIMARY KEY (stage, name)
        );
        CREATE TABLE webhook_gone (
            stage TEXT NOT NULL, endpoint TEXT NOT NULL, address TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (stage, endpoint)
        );
        """
}
