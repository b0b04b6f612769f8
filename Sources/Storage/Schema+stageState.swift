extension Schema {
    /// The numbers that stages keep. Times are milliseconds since 1970.
    static let stageState = """
        CREATE TABLE stage_state (
            stage TEXT NOT NULL, key TEXT NOT NULL, value INTEGER NOT NULL, expires_at INTEGER NOT NULL,
            PRIMARY KEY (stage, key)
        ) WITHOUT ROWID;
        CREATE INDEX stage_state_by_end ON stage_state (expires_at);
        """
}
