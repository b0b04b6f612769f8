extension Schema {
    /// Figures by length of time (`level`, in seconds), time, and key. Each is there twice: for each user, and for all users
    /// together, which most questions are about and which are far fewer rows.
    ///
    /// What is not known is an empty text in a key, so that keys are unique.
    static let analytics = """
        CREATE TABLE analytics_keys (
            id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL, user TEXT NOT NULL,
            all_users INTEGER NOT NULL, UNIQUE (gateway, agent, model, user, all_users)
        );
        CREATE TABLE analytics (
            level INTEGER NOT NULL, all_users INTEGER NOT NULL, start INTEGER NOT NULL, key INTEGER NOT NULL,
            figures BLOB NOT NULL, PRIMARY KEY (level, all_users, start, key)
        ) WITHOUT ROWID;
        CREATE TABLE analytics_progress (
            id INTEGER PRIMARY KEY CHECK (id = 1), counted_until INTEGER NOT NULL, recent BLOB NOT NULL
        );
        """
}
