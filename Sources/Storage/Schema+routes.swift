extension Schema {
    /// Where a user's message went instead of to its session's gateway.
    static let routes = """
        ALTER TABLE messages ADD COLUMN route_gateway TEXT;
        ALTER TABLE messages ADD COLUMN route_agent TEXT;
        """
}
