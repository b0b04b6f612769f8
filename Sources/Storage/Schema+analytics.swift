extension Schema {
    /// Figures by length of time (`level`, in seconds), time, and key. Each is there three times, for questions of different
    /// kinds: see `AnalyticsScope`.
    ///
    /// What is not known is an empty text in a key, so that keys are unique.
    static let analytics = """
        CREATE TABLE analytics_keys (
            id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL, user TEXT NOT NULL,
            scope INTEGER NOT NULL, UNIQUE (gateway, agent, model, user, scope)
        );
        CREATE TABLE analytics (
            level INTEGER NOT NULL, scope INTEGER NOT NULL, start INTEGER NOT NULL, key INTEGER NOT NULL,
            figures BLOB NOT NULL, PRIMARY KEY (level, scope, start, key)
        ) WITHOUT ROWID;
        CREATE TABLE analytics_progress (
            id INTEGER PRIMARY KEY CHECK (id = 1), counted_until INTEGER NOT NULL, recent BLOB NOT NULL
        );
        """
}
