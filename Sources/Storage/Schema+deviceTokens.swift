extension Schema {
    /// One device token a gateway; for the gateway at this URL and for this device only. `scopes` is a list with commas.
    static let deviceTokens = """
        CREATE TABLE device_tokens (
            gateway_id TEXT PRIMARY KEY, url TEXT NOT NULL, device_id TEXT NOT NULL, token BLOB NOT NULL,
            role TEXT NOT NULL, scopes TEXT NOT NULL, issued_at INTEGER NOT NULL
        );
        """
}
